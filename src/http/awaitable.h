#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace tarn::http {

// For Asio's operations in a coroutine: `auto [code, …] = co_await operation(…, kAsTuple)` gives
// the error code in place of an exception.
inline constexpr auto kAsTuple = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace tarn::http
