#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>

namespace tarn::http {

// Runs a function that blocks on the pool and returns its result to the coroutine's own
// executor: how a handler on an I/O thread uses a file or a database.
//
// The function must be a named variable of the awaiting coroutine, which outlives the call: GCC 12
// destroys the captures of a closure twice when it is a temporary in a co_await expression.
template <class Function>
boost::asio::awaitable<std::invoke_result_t<const Function&>> RunBlocking(
    boost::asio::thread_pool& pool, const Function& function) {
  using R = std::invoke_result_t<const Function&>;
  const auto run = [](const Function& f) -> boost::asio::awaitable<R> { co_return f(); };
  co_return co_await boost::asio::co_spawn(pool, run(function), boost::asio::use_awaitable);
}
template <class Function>
void RunBlocking(boost::asio::thread_pool& pool, const Function&& function) = delete;

}  // namespace tarn::http
