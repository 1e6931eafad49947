#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace tarn::http {

// Runs a function that blocks on the pool and returns its result to the coroutine's own
// executor: how a handler on an I/O thread uses a file or a database.
template <class Function>
boost::asio::awaitable<std::invoke_result_t<Function>> RunBlocking(boost::asio::thread_pool& pool,
                                                                   Function function) {
  using R = std::invoke_result_t<Function>;
  co_return co_await boost::asio::co_spawn(
      pool,
      // A plain function coroutine: its arguments live in its frame.
      [](Function f) -> boost::asio::awaitable<R> { co_return f(); }(std::move(function)),
      boost::asio::use_awaitable);
}

}  // namespace tarn::http
