#pragma once

#include <condition_variable>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "engine/connection/connection_factory.h"
#include "engine/connection/watchdog.h"
#include "engine/run/frame_socket.h"
#include "engine/run/worker.h"
#include "engine/sandbox/sandbox.h"
#include "engine/views/prober.h"
#include "engine/views/views.h"

namespace tarn::engine {

// The engine process: DuckDB, which the front of queryd controls over sockets (see
// protocol/messages.h).
//
// A process that only probes reads the footers of objects and runs no queries, so a footer that
// crashes it does not end a query.
//
// The control socket carries the set-up, changes of views, cancels, their results, and the progress
// of queries. Each slot has its own socket for queries and results, so a result that the client
// reads slowly blocks only its own query.
//
// The front is responsible for deadlines and admission. If the engine fails, the front replaces the
// process.
class Engine {
 public:
  // Takes the descriptors, reads the set-up from the control socket and opens DuckDB. Also sends
  // the error to the front if this fails.
  static Result<std::unique_ptr<Engine>> Open(int control, const std::vector<int>& slots);
  // Cancels running queries and waits for them, and briefly for probes. Only tests use it: the
  // program exits when Serve returns.
  ~Engine();

  // Serves until the front closes the control socket.
  void Serve();

 private:
  explicit Engine(int control) : control_(control) {}
  Result<> SetUp(const std::vector<int>& slots);
  void Handle(const protocol::Frame& frame);
  void ReportProgress();
  void ReportReplacedFiles();
  void ReportUnhealthy(const protocol::Unhealthy& unhealthy);
  // Checks whether memory is available again after a query had too little.
  void CheckMemory();
  void ReportCached();

  FrameSocket control_;  // Serve's thread reads, all threads write.
  Sandbox sandbox_;      // Entered before other threads start.
  std::shared_ptr<Watchdog> watchdog_;
  std::unique_ptr<ConnectionFactory> factory_;
  std::optional<duck::Connection> own_connection_;  // For the progress thread only.
  std::unique_ptr<Prober> prober_;
  // Null in a process that only probes, like context_.
  std::unique_ptr<Views> views_;
  std::unique_ptr<WorkerContext> context_;
  std::vector<std::unique_ptr<Worker>> workers_;

  Mutex mutex_;
  std::condition_variable_any stopped_;  // With mutex_.
  bool stopping_ TARN_GUARDED_BY(mutex_) = false;
  std::thread progress_thread_;
  int failed_memory_checks_ = 0;  // In a row. Only on progress_thread_.
};

}  // namespace tarn::engine
