#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <thread>
#include <vector>

namespace tarn::net {

// The default number of I/O threads: half the cores, because the engine uses the others. On 2
// cores, a second I/O thread costs 1.5 context switches and 4.5 system calls per request (`SELECT
// 1`, measured with perf) for the handover between the threads.
size_t IoThreads();

// Owns the io_context, the I/O threads, and the wait for SIGINT, SIGTERM and SIGHUP. Created first
// in main and destroyed last.
class Runtime {
 public:
  // Blocks the signals, so that none is lost during startup.
  explicit Runtime(size_t threads);
  ~Runtime();

  boost::asio::io_context& io() { return io_; }

  // Tasks that run on the thread that waits for the stop signal. They may block.
  struct BackgroundTasks {
    // If null, SIGHUP stops the program, unless it was started with nohup.
    std::function<void()> on_hangup;
    std::function<void()> every_second;  // May be null.
  };
  // Blocks until a stop signal arrives and returns its name. Reports the lines that the log left
  // out every second.
  const char* WaitForStop(const BackgroundTasks& tasks = {});

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
  bool ignores_hangup_ = false;
};

}  // namespace tarn::net
