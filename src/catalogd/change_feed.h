#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_set>

#include "auth/identity.h"
#include "base/deadline.h"
#include "http/message.h"

namespace tarn::catalogd {

// Wakes who waits for a change of the catalogue. Who waits is a coroutine with a timer: no thread
// is held. Thread-safe, but for what belongs to a waiter's own strand.
class ChangeFeed {
 public:
  // More than that many do not wait at once.
  explicit ChangeFeed(int64_t waiters_max) : waiters_max_(static_cast<size_t>(waiters_max)) {}

  // A change of the dataset with this name is there to be read.
  void Announce(std::string_view name);
  // Ends all waits, those to come too.
  void Close();
  size_t waiting() const;

  enum class Outcome { kChanged, kTimeout, kGone, kClosed };

  // One that wants to hear of changes of what its scope allows: of each that is announced after
  // this was made, so that it is made first and then the catalogue looked at.
  class Waiter {
   public:
    ~Waiter();
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    // Until there was a change since this was made or had returned the last time; kGone when the
    // client goes. On the strand that the waiter was made with.
    boost::asio::awaitable<Outcome> Wait(Deadline deadline, http::ClientWatch& client);

   private:
    friend class ChangeFeed;
    // Outlives the waiter as long as somebody is about to wake it.
    struct State {
      State(const boost::asio::any_io_executor& executor, const auth::DatasetScope& allowed)
          : timer(executor), scope(allowed) {}
      boost::asio::steady_timer timer;  // Used on its strand.
      const auth::DatasetScope scope;
      std::atomic<bool> changed = false;
    };
    Waiter(ChangeFeed& feed, std::shared_ptr<State> state)
        : feed_(feed), state_(std::move(state)) {}

    ChangeFeed& feed_;
    const std::shared_ptr<State> state_;
  };
  // Null when there are too many. `executor` is a strand.
  std::unique_ptr<Waiter> Join(const boost::asio::any_io_executor& executor,
                               const auth::DatasetScope& scope);

 private:
  static void Wake(const std::shared_ptr<Waiter::State>& state);

  const size_t waiters_max_;
  std::atomic<bool> closed_ = false;
  mutable std::mutex mutex_;
  std::unordered_set<std::shared_ptr<Waiter::State>> waiters_;  // guarded by mutex_
};

}  // namespace tarn::catalogd
