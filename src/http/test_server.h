#pragma once

// Helpers for tests of servers.

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "base/deadline.h"
#include "http/message.h"

namespace tarn::http {

inline constexpr const char* kClose = "Connection: close\r\n\r\n";

// State shared by a test and the handlers of its server.
struct Gate {
  std::atomic<int> entered = 0;  // Handlers that have started to wait.
  std::atomic<int> gone = 0;     // Calls of OnDisconnect's function.
  std::atomic<int> slow = 0;     // Calls of OnSlowReader.
  std::atomic<int> ended = 0;    // Endless streams that have been destroyed.
  std::atomic<bool> open = false;
};

template <class Condition>
bool Eventually(const Condition& condition) {
  const Deadline deadline = Deadline::After(std::chrono::seconds(30));
  while (!condition()) {
    if (deadline.Passed()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline boost::asio::awaitable<Result<Response>> WaitForGate(Gate& gate, const Request& request) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  request.client->OnDisconnect([&gate] { ++gate.gone; });
  ++gate.entered;
  while (!gate.open && !request.client->disconnected()) {
    timer.expires_after(std::chrono::milliseconds(1));
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  co_return Response::Text(200, "waited\n");
}

// A large body in which each position is recognisable.
inline const std::string& BigBody() {
  static const std::string kBody = [] {
    std::string text;
    while (text.size() < 16 * 1024 * 1024) text += std::to_string(text.size()) + ' ';
    return text;
  }();
  return kBody;
}

}  // namespace tarn::http
