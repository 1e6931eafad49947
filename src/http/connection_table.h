#pragma once

// Private to src/http: the connections of a Server and the choice of the connection to evict.

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "base/mutex.h"
#include "base/text_hash.h"

namespace tarn::http {

class Session;

// Limits the connections of a server, in total and for each client address. A connection is waiting
// while it has no complete request: in the TLS handshake, idle between requests, or reading a
// header or a body. A new connection beyond the limit of its address evicts the longest-waiting
// connection of that address. A new connection beyond the total limit evicts the longest-waiting
// connection of the address with the most waiting connections. If no connection is waiting, the new
// connection becomes a reserved one, which serves only health and metrics.
//
// Thread-safe.
class ConnectionTable {
 public:
  struct Limits {
    size_t connections_max = 1;
    size_t per_address_max = 1;
    size_t per_loopback_max = 1;  // For a loopback address.
    size_t reserved = 1;          // At least 1, in addition to the others.
  };
  enum class Limit : uint8_t { kNone, kConnections, kAddress };

  explicit ConnectionTable(Limits limits) : limits_(limits) {}

  struct Admission {
    Limit limit = Limit::kNone;        // The limit that the connection has reached.
    bool is_reserved = false;          // The connection has a reserved slot.
    std::shared_ptr<Session> evicted;  // To be closed by the caller; often null.
  };
  // Adds a new connection, which is waiting. `is_loopback`: `address` is a loopback address.
  Admission Add(const std::shared_ptr<Session>& session, const std::string& address,
                bool is_loopback);
  // Removes a connection that has ended.
  void Remove(const Session& session);

  // Marks the connection as having a complete request. Returns false if the connection was evicted
  // and must end.
  bool BeginRequest(const Session& session);
  // Marks the connection as waiting for the next request.
  void AwaitRequest(const Session& session);

 private:
  using Waiting = std::list<const Session*>;  // The longest-waiting first.
  struct Address {
    size_t open = 0;
    size_t reserved = 0;
    Waiting waiting;
  };
  struct Entry {
    std::shared_ptr<Session> session;
    std::string address;
    bool is_reserved = false;
    bool is_evicted = false;
    bool is_waiting = false;
    uint64_t waits_since = 0;    // A sequence number; lower means longer.
    Waiting::iterator position;  // In Address::waiting, or in reserved_ for a reserved connection.
  };
  // The rank of an address with waiting connections. Addresses with more waiting connections come
  // first; ties go to the address with the longest-waiting connection.
  struct Rank {
    size_t waiting = 0;
    uint64_t since = 0;  // Entry::waits_since of `oldest`.
    const Session* oldest = nullptr;
    bool operator<(const Rank& other) const {
      return waiting != other.waiting ? waiting > other.waiting : since < other.since;
    }
  };

  void StartWaiting(const Session* session, Entry& entry) TARN_REQUIRES(mutex_);
  void StopWaiting(Entry& entry) TARN_REQUIRES(mutex_);
  Rank RankOf(const Address& address) const TARN_REQUIRES(mutex_);
  // Removes the entry from all counts and lists.
  void Forget(Entry& entry) TARN_REQUIRES(mutex_);
  std::shared_ptr<Session> Evict(const Session* session) TARN_REQUIRES(mutex_);
  const Session* OldestReserved(const std::string& address) const TARN_REQUIRES(mutex_);

  const Limits limits_;
  Mutex mutex_;
  // Connections that are neither reserved nor evicted.
  size_t open_ TARN_GUARDED_BY(mutex_) = 0;
  std::unordered_map<const Session*, Entry> entries_ TARN_GUARDED_BY(mutex_);
  TextMap<Address> addresses_ TARN_GUARDED_BY(mutex_);
  std::set<Rank> ranks_ TARN_GUARDED_BY(mutex_);  // Addresses with waiting connections.
  uint64_t waits_ TARN_GUARDED_BY(mutex_) = 0;    // The last Entry::waits_since.
  Waiting reserved_ TARN_GUARDED_BY(mutex_);      // The oldest first.
};

}  // namespace tarn::http
