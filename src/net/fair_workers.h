#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/owner_turns.h"
#include "net/wakeup.h"

namespace tarn::net {

// Threads for work that would block an I/O thread for too long, such as a database or the JSON of a
// long list. Owners (tokens) take turns: even if other owners have many requests, a request waits
// only for the work that is already running and for one request of each other owner.
//
// Thread-safe. Outlives the coroutines that wait for it.
class FairWorkers {
 public:
  // `name` is the name of the threads, of at most 15 bytes.
  FairWorkers(size_t threads, const std::string& name);
  ~FairWorkers();

  // Runs the function on one of the threads and returns its result on the coroutine's executor. An
  // exception of the function is thrown there. The function must be a named variable of the
  // awaiting coroutine: GCC 12 destroys the captures of a temporary closure in a co_await
  // expression twice.
  template <class Function>
  boost::asio::awaitable<std::invoke_result_t<const Function&>> Run(std::string owner,
                                                                    const Function& function) {
    std::optional<std::invoke_result_t<const Function&>> result;
    std::exception_ptr error;
    const std::function<void()> work = [&result, &error, &function] {
      try {
        result.emplace(function());
      } catch (...) {
        error = std::current_exception();
      }
    };
    co_await Wait(std::move(owner), work);
    if (error) std::rethrow_exception(error);
    co_return std::move(*result);
  }
  template <class Function>
  void Run(std::string owner, const Function&& function) = delete;

  // Ends the threads after the work that runs. No call of Run may be pending or follow.
  void Stop();

  size_t queued() const;

 private:
  struct Job {
    const std::function<void()>* work = nullptr;
    std::shared_ptr<Wakeup> wakeup;
    bool is_done = false;  // Guarded by mutex_.
  };
  boost::asio::awaitable<void> Wait(std::string owner, const std::function<void()>& work);
  void Loop();

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  OwnerTurns<std::shared_ptr<Job>> jobs_ TARN_GUARDED_BY(mutex_);
  bool is_stopping_ TARN_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace tarn::net
