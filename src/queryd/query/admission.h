#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "auth/identity.h"
#include "base/mutex.h"
#include "base/result.h"
#include "queryd/query/query.h"

namespace tarn::queryd {

// Lets a bounded number of queries run at once. The others wait for a slot in a bounded queue, for
// a bounded time.
//
// Tokens take turns. A free slot goes to the waiting token that holds the fewest slots in
// proportion to its weight. Among equals it goes to the one with the earliest start tag of
// start-time fair queueing (Goyal, Vin and Cheng, 1996), so that a token of weight 3 has three
// turns for each turn of a token of weight 1. The queries of one token run in the order of their
// arrival. Queries without a token belong to one token with an empty name. The limits of each token
// do not apply to that token, nor if only one token may query.
//
// If the queue is full, a new query replaces the newest query of the token that has the most
// waiting queries in proportion to its weight, provided that its own token still has fewer then.
//
// Thread-safe.
class Admission {
 public:
  static constexpr size_t kUnlimited = std::numeric_limits<size_t>::max();
  struct Limits {
    size_t running_max = 1;
    size_t queue_max = 0;
    Duration queue_timeout = Duration::zero();
    // Queries that have given up their slots because their readers are slow.
    size_t slow_readers_max = 0;
    // The limits of each token.
    size_t token_running_max = kUnlimited;
    size_t token_queue_max = kUnlimited;
    size_t token_slow_readers_max = kUnlimited;
  };
  explicit Admission(Limits limits) : limits_(limits) {}

  class Permit;

  // Waits for a slot. The error says that the query was cancelled, or that there are too many:
  // kUnavailable.
  boost::asio::awaitable<Result<Permit>> Enter(Query& query);

  size_t running() const;
  size_t queued() const;

 private:
  struct Waiting {
    std::shared_ptr<Query> query;
    uint64_t arrival = 0;  // In the order of arrivals.
    // All guarded by mutex_.
    bool is_granted = false;
    bool has_left = false;         // The coroutine no longer waits.
    std::optional<Error> evicted;  // Another query took its place in the queue.
  };
  // A token with queries here, or whose next start tag is still ahead of the virtual time.
  struct Token {
    std::string name;
    double weight = 1;
    bool is_limited = false;  // By the limits of each token.
    double start_tag = 0;
    size_t running = 0;
    size_t slow_readers = 0;
    std::deque<std::shared_ptr<Waiting>> queue = {};

    // A number of slots or queries in proportion to the weight.
    double Share(size_t count) const { return static_cast<double>(count) / weight; }
    double RunningShare() const { return Share(running); }
    double QueuedShare() const { return Share(queue.size()); }
  };
  // A query that keeps its slot although its reader is slow.
  struct Blocked {
    Token* token = nullptr;
    std::weak_ptr<Query> query;
  };
  // Removes a coroutine from the queue that is destroyed while it waits, for example by an
  // exception. Releases a slot that it was granted meanwhile.
  class InQueue;

  void Leave(const Permit& permit);
  void NoteSlowReader(Permit& permit, const std::shared_ptr<Query>& query);

  Token& Find(const auth::Identity& user) TARN_REQUIRES(mutex_);
  static bool IsWithin(size_t count, size_t token_max, const Token& token);
  bool MayRunMore(const Token& token) const TARN_REQUIRES(mutex_);
  Error FullError(const Token& token) const TARN_REQUIRES(mutex_);
  Error TimeoutError(const Token& token) const TARN_REQUIRES(mutex_);
  Error EndOfWaitError(const Query& query, const Waiting& waiting, const Token& token) const
      TARN_REQUIRES(mutex_);
  // Makes room in the queue for a query of this token. Returns false if the queue is full for it.
  bool MakeRoom(const Token& token) TARN_REQUIRES(mutex_);
  void Grant(Token& token) TARN_REQUIRES(mutex_);
  Token* NextToken() TARN_REQUIRES(mutex_);
  // Grants free slots, cancels a blocked query if necessary, and drops tokens without queries.
  // Called after every change.
  void Settle() TARN_REQUIRES(mutex_);
  void CancelBlockedFor(const Token& token) TARN_REQUIRES(mutex_);

  const Limits limits_;
  mutable Mutex mutex_;
  size_t running_ TARN_GUARDED_BY(mutex_) = 0;
  size_t queued_ TARN_GUARDED_BY(mutex_) = 0;
  size_t slow_readers_ TARN_GUARDED_BY(mutex_) = 0;
  double virtual_time_ TARN_GUARDED_BY(mutex_) = 0;  // The latest start tag granted.
  uint64_t last_arrival_ TARN_GUARDED_BY(mutex_) = 0;
  uint64_t last_permit_ TARN_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Token> tokens_ TARN_GUARDED_BY(mutex_);  // By name.
  std::map<uint64_t, Blocked> blocked_ TARN_GUARDED_BY(mutex_);  // By the number of the permit.
};

// A slot, or a place among the queries with slow readers. Given back when the permit is destroyed.
// Used by one thread at a time.
class Admission::Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept { *this = std::move(other); }
  Permit& operator=(Permit&& other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(token_, other.token_);
    std::swap(number_, other.number_);
    std::swap(is_slow_reader_, other.is_slow_reader_);
    return *this;
  }
  ~Permit() { Release(); }
  void Release() {
    if (owner_ != nullptr) std::exchange(owner_, nullptr)->Leave(*this);
  }

  // The query's reader is slow. The slot goes to other queries, within slow_readers_max. Beyond it
  // the query keeps its slot, but is cancelled when a query of a token with fewer slots waits for
  // one. Only the first call counts; an empty permit does nothing.
  void NoteSlowReader(const std::shared_ptr<Query>& query) {
    if (owner_ != nullptr) owner_->NoteSlowReader(*this, query);
  }

 private:
  friend class Admission;
  Permit(Admission& owner, Token& token, uint64_t number)
      : owner_(&owner), token_(&token), number_(number) {}

  Admission* owner_ = nullptr;
  Token* token_ = nullptr;
  uint64_t number_ = 0;
  bool is_slow_reader_ = false;  // Without a slot.
};

}  // namespace tarn::queryd
