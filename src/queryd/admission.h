#pragma once

#include <boost/asio/awaitable.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "queryd/query.h"

namespace tarn::queryd {

// Lets a bounded number of queries run at once. The others wait in a bounded queue, in the order
// of their arrival and for a bounded time.
//
// Thread-safe.
class Admission {
 public:
  struct Limits {
    size_t running_max = 1;
    size_t queue_max = 0;
    Duration queue_timeout = Duration::zero();
  };
  explicit Admission(Limits limits) : limits_(limits) {}

  // A place among those that run; given back when it is destroyed.
  class Permit {
   public:
    Permit() = default;
    explicit Permit(Admission* owner) : owner_(owner) {}
    Permit(Permit&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept {
      std::swap(owner_, other.owner_);
      return *this;
    }
    ~Permit() { Release(); }
    void Release() {
      if (owner_ != nullptr) std::exchange(owner_, nullptr)->Leave();
    }

   private:
    Admission* owner_ = nullptr;
  };

  // Waits for the query's turn. The error says that it was cancelled, or that there are too many:
  // kUnavailable.
  boost::asio::awaitable<Result<Permit>> Enter(Query& query);

  size_t running() const;
  size_t queued() const;

 private:
  struct Waiting {
    std::shared_ptr<Query> query;
    bool granted = false;  // guarded by mutex_
    bool left = false;     // guarded by mutex_: its coroutine has gone on
  };
  // Takes a coroutine that ends where it waits, by an exception say, out of the queue. A place
  // that it was given meanwhile goes on to the next.
  class InQueue;
  void Leave();
  void PassOn();  // Needs mutex_.

  const Limits limits_;
  mutable std::mutex mutex_;
  size_t running_ = 0;                          // guarded by mutex_
  std::deque<std::shared_ptr<Waiting>> queue_;  // guarded by mutex_
};

}  // namespace tarn::queryd
