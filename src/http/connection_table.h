#pragma once

// Private to src/http: which connections a Server has, and which of them gives way to another.

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace tarn::http {

class Session;

// The limits on a server's connections, in all and for each client address. A connection waits
// while it has no complete request: in the TLS handshake, idle between requests, in a header or in
// a body. A new connection beyond a limit takes the place of the one that has waited longest. If
// none waits, it takes one of the reserved places, where only health and metrics are served.
//
// Thread-safe.
class ConnectionTable {
 public:
  struct Limits {
    size_t connections_max = 1;
    size_t per_address_max = 1;
    size_t reserved = 1;  // At least 1, on top of the others.
  };
  enum class Limit : uint8_t { kNone, kConnections, kAddress };

  explicit ConnectionTable(Limits limits) : limits_(limits) {}

  struct Admission {
    Limit limit = Limit::kNone;        // Which limit the connection is beyond, before any gave way.
    bool is_reserved = false;          // It has a reserved place.
    std::shared_ptr<Session> evicted;  // Gave way: to be closed by the caller. Often none.
  };
  // A new connection, which waits.
  Admission Add(const std::shared_ptr<Session>& session, const std::string& address);
  // The connection has ended.
  void Remove(const Session& session);

  // The connection has a complete request. False if it has given way before: it must end then.
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
    Waiting::iterator in_all;        // If it waits, or in reserved_.
    Waiting::iterator in_address{};  // If it waits.
  };

  // These need mutex_.
  void StartWaiting(const Session* session, Entry& entry);
  void StopWaiting(Entry& entry);
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
  Waiting waiting_;                                     // guarded by mutex_
  Waiting reserved_;                                    // guarded by mutex_; by age
};

}  // namespace tarn::http
