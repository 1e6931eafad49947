#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

#include "base/deadline.h"

namespace tarn::queryd {

// Lets one coroutine wait until somebody wakes it. A wake that comes before the wait is not lost.
class Wakeup : public std::enable_shared_from_this<Wakeup> {
 public:
  // The coroutine's executor.
  explicit Wakeup(const boost::asio::any_io_executor& executor) : timer_(executor) {}

  // Until Wake or the deadline; on the executor.
  boost::asio::awaitable<void> Wait(Deadline deadline) {
    if (!woken_) {
      timer_.expires_at(deadline.At());
      co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
    woken_ = false;
  }

  // From any thread.
  void Wake() {
    boost::asio::post(timer_.get_executor(), [self = shared_from_this()] {
      self->woken_ = true;
      self->timer_.cancel();
    });
  }

 private:
  boost::asio::steady_timer timer_;
  bool woken_ = false;  // Only on the executor.
};

}  // namespace tarn::queryd
