#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <thread>
#include <vector>

namespace tarn::http {

// As many I/O threads as pay off: half the cores, since what a request waits for runs on the
// others. On 2 cores a second one costs 1.5 switches and 4.5 system calls a request (select 1,
// measured with perf), for handing work from one to the other.
size_t IoThreads();

// The I/O threads of a program and its wait for SIGINT, SIGTERM or SIGHUP. Made first in main and
// ended last; owns the io_context that servers run on.
class Runtime {
 public:
  // Signals are caught from here on, so that none is lost while the program starts.
  explicit Runtime(size_t threads);
  ~Runtime();

  boost::asio::io_context& io() { return io_; }

  // What the thread that waits does meanwhile. It may block.
  struct Chores {
    // Without it, SIGHUP asks the program to stop, unless it was started with nohup.
    std::function<void()> on_hangup;
    std::function<void()> every_second;  // Null: it only waits.
  };
  // Blocks until the program is asked to stop; the signal's name.
  const char* WaitForStop(const Chores& chores = {});

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
  bool ignores_hangup_ = false;
};

}  // namespace tarn::http
