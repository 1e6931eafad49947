#pragma once

// Private to src/http: the connections of a Server, and which connection is evicted.

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

namespace tarn::http {

class Session;

// The limits on a server's connections, in all and for each client address. A connection waits
// while it has no complete request: in the TLS handshake, idle between requests, in a header or in
// a body. A new connection beyond the limit of its address evicts the connection of that address
// that has waited longest. Beyond the limit for all, it evicts the one that has waited longest of
// the address with the most waiting connections. If none waits, the new connection is a reserved
// one, which serves only health and metrics.
//
// Thread-safe.
class ConnectionTable {
 public:
  struct Limits {
    size_t connections_max = 1;
    size_t per_address_max = 1;
    size_t per_loopback_max = 1;  // For a loopback address.
    size_t reserved = 1;          // At least 1, on top of the others.
  };
  enum class Limit : uint8_t { kNone, kConnections, kAddress };

  explicit ConnectionTable(Limits limits) : limits_(limits) {}

  struct Admission {
    Limit limit = Limit::kNone;        // The limit that was reached before the eviction.
    bool is_reserved = false;          // It has a reserved place.
    std::shared_ptr<Session> evicted;  // Closed by the caller; often null.
  };
  // A new connection, which waits. `is_loopback`: `address` is of this machine.
  Admission Add(const std::shared_ptr<Session>& session, const std::string& address,
                bool is_loopback);
  // The connection has ended.
  void Remove(const Session& session);

  // The connection has a complete request. Returns false if the connection was evicted and must
  // end.
  bool BeginRequest(const Session& session);
  // It waits for the next request.
  void AwaitRequest(const Session& session);

 private:
  using Waiting = std::list<const Session*>;  // The longest first.
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
    uint64_t waits_since = 0;    // By number: the lower, the longer.
    Waiting::iterator position;  // In Address::waiting if it waits, or in reserved_.
  };
  // An address with waiting connections. The first one has most; of equals, the one that waits
  // longest.
  struct Rank {
    size_t waiting = 0;
    uint64_t since = 0;  // Entry::waits_since of `oldest`.
    const Session* oldest = nullptr;
    bool operator<(const Rank& other) const {
      return waiting != other.waiting ? waiting > other.waiting : since < other.since;
    }
  };

  // These need mutex_.
  void StartWaiting(const Session* session, Entry& entry);
  void StopWaiting(Entry& entry);
  Rank RankOf(const Address& address) const;
  // Takes it out of all counts and lists.
  void Forget(Entry& entry);
  std::shared_ptr<Session> Evict(const Session* session);
  const Session* OldestReserved(const std::string& address) const;

  const Limits limits_;
  std::mutex mutex_;
  size_t open_ = 0;                                     // guarded by mutex_; neither reserved nor
                                                        // evicted
  std::unordered_map<const Session*, Entry> entries_;   // guarded by mutex_
  std::unordered_map<std::string, Address> addresses_;  // guarded by mutex_
  std::set<Rank> ranks_;                                // guarded by mutex_; addresses that wait
  uint64_t waits_ = 0;                                  // guarded by mutex_; begun so far
  Waiting reserved_;                                    // guarded by mutex_; by age
};

}  // namespace tarn::http
