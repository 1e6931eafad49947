#pragma once

// Threads for the coroutines of tests, and functions that wait for them.

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace tarn::net {

// The time limit for events that should happen at once, on a busy machine.
constexpr auto kSoon = std::chrono::seconds(60);

class IoThreads {
 public:
  explicit IoThreads(size_t threads) : work_(boost::asio::make_work_guard(io_)) {
    for (size_t i = 0; i < threads; ++i) AddThread();
  }
  ~IoThreads() {
    work_.reset();
    io_.stop();
    for (std::thread& thread : threads_) thread.join();
  }
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  void AddThread() {
    threads_.emplace_back([this] { io_.run(); });
  }
  boost::asio::io_context& io() { return io_; }
  boost::asio::any_io_executor NewStrand() { return boost::asio::make_strand(io_); }

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

template <class T>
std::future<T> Spawn(const boost::asio::any_io_executor& executor,
                     boost::asio::awaitable<T> coroutine) {
  return boost::asio::co_spawn(executor, std::move(coroutine), boost::asio::use_future);
}

template <class T>
T Get(std::future<T>& future) {
  if (future.wait_for(kSoon) != std::future_status::ready) {
    throw std::runtime_error("nothing came");
  }
  return future.get();
}
template <class T>
T Get(std::future<T>&& future) {
  return Get(future);
}

template <class T>
bool IsReady(std::future<T>& future) {
  return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

// Waits until the condition is true. Returns false if that takes too long.
template <class Condition>
bool Eventually(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + kSoon;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace tarn::net
