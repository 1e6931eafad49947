#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string_view>
#include <unordered_set>

#include "auth/identity.h"
#include "base/deadline.h"
#include "base/mutex.h"
#include "http/message.h"

namespace tarn::catalogd {

// Wakes requests that wait for a change of the catalogue. A waiting request is a coroutine with a
// timer and holds no thread. Thread-safe, except for functions documented to run on the waiter's
// strand.
class ChangeFeed {
 public:
  // `waiters_max`: the maximum number of concurrent waiters.
  explicit ChangeFeed(int64_t waiters_max) : waiters_max_(static_cast<size_t>(waiters_max)) {}

  // Wakes the waiters whose scope allows the dataset with this name. The change must already be
  // readable.
  void Announce(std::string_view name);
  // Ends all current and future waits.
  void Close();
  size_t waiting() const;

  enum class Outcome { kChanged, kTimeout, kDisconnected, kClosed };

  // A registration for changes within a scope. Create the waiter before reading the catalogue, so
  // that no change is missed.
  class Waiter {
   public:
    ~Waiter();
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    // Waits for a change since the waiter was created or Wait last returned. kDisconnected if the
    // client disconnects. Must run on the strand that the waiter was created with.
    boost::asio::awaitable<Outcome> Wait(Deadline deadline, http::ClientWatch& client);

   private:
    friend class ChangeFeed;
    // Shared, because a pending Wake() may outlive the waiter.
    struct State {
      State(const boost::asio::any_io_executor& executor, const auth::DatasetScope& allowed)
          : timer(executor), scope(allowed) {}
      boost::asio::steady_timer timer;  // Only used on its strand.
      const auth::DatasetScope scope;
      std::atomic<bool> changed = false;
    };
    Waiter(ChangeFeed& feed, std::shared_ptr<State> state)
        : feed_(feed), state_(std::move(state)) {}

    ChangeFeed& feed_;
    const std::shared_ptr<State> state_;
  };
  // Returns null if there are too many waiters. `executor` is a strand.
  std::unique_ptr<Waiter> Join(const boost::asio::any_io_executor& executor,
                               const auth::DatasetScope& scope);

 private:
  static void Wake(const std::shared_ptr<Waiter::State>& state);

  const size_t waiters_max_;
  std::atomic<bool> closed_ = false;
  mutable Mutex mutex_;
  std::unordered_set<std::shared_ptr<Waiter::State>> waiters_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::catalogd
