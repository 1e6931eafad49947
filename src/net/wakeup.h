#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

#include "base/deadline.h"

namespace tarn::net {

// A wait of one coroutine that other threads can end. A call of Wake before the wait ends it too.
class Wakeup : public std::enable_shared_from_this<Wakeup> {
 public:
  // `executor` is that of the coroutine.
  explicit Wakeup(const boost::asio::any_io_executor& executor) : timer_(executor) {}

  // Waits until Wake or the deadline. Call it on the executor.
  boost::asio::awaitable<void> Wait(Deadline deadline) {
    if (!woken_) {
      timer_.expires_at(deadline.At());
      co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
    woken_ = false;
  }

  // Thread-safe.
  void Wake() {
    boost::asio::post(timer_.get_executor(), [self = shared_from_this()] {
      self->woken_ = true;
      self->timer_.cancel();
    });
  }

 private:
  boost::asio::steady_timer timer_;
  bool woken_ = false;  // Only used on the executor.
};

}  // namespace tarn::net
