#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace tarn::net {

// A completion token for Asio operations in a coroutine: `auto [code, …] = co_await operation(…,
// kAsTuple)` returns the error code instead of throwing.
inline constexpr auto kAsTuple = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace tarn::net
