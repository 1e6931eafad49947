#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>

namespace tarn::net {

// Runs a blocking function on the pool and returns its result on the coroutine's own executor. A
// handler on an I/O thread uses it for files and databases.
//
// The function must be a named variable of the awaiting coroutine: GCC 12 destroys the captures of
// a temporary closure in a co_await expression twice.
template <class Function>
boost::asio::awaitable<std::invoke_result_t<const Function&>> RunBlocking(
    boost::asio::thread_pool& pool, const Function& function) {
  using R = std::invoke_result_t<const Function&>;
  const auto run = [](const Function& f) -> boost::asio::awaitable<R> { co_return f(); };
  co_return co_await boost::asio::co_spawn(pool, run(function), boost::asio::use_awaitable);
}
template <class Function>
void RunBlocking(boost::asio::thread_pool& pool, const Function&& function) = delete;

}  // namespace tarn::net
