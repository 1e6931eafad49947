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

// The engine process: DuckDB, driven over sockets by queryd's front (see protocol/messages.h).
//
// A process that only probes reads the footers of objects and runs no queries. A footer that ends
// it ends no query.
//
// One control socket brings the set-up, changes of views and cancels, and takes back what they
// came to and how far queries are. Each slot has a socket of its own for its queries and results,
// so that a result that nobody reads holds back its own query only.
//
// Nothing here knows limits of time or numbers of queries: that is the front's. Whatever goes
// wrong here, the front ends the process and starts another.
class Engine {
 public:
  // Reads the set-up from the control socket and opens DuckDB. What fails is told to the front
  // too. The descriptors are taken.
  static Result<std::unique_ptr<Engine>> Open(int control, const std::vector<int>& slots);
  // Ends queries that run and waits for them, and for a moment for probes. The program does not
  // come here: it ends at once when Serve has returned.
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
  // After a query had too little memory: finds out whether others have enough.
  void CheckMemory();
  void ReportCached();

  FrameSocket control_;  // Reading: Serve's thread. Writing: all of them.
  Sandbox sandbox_;      // Entered before there is another thread.
  std::shared_ptr<Watchdog> watchdog_;
  std::unique_ptr<ConnectionFactory> factory_;
  std::optional<duck::Connection> own_connection_;  // Only the progress thread's.
  std::unique_ptr<Prober> prober_;
  std::unique_ptr<Views> views_;  // Null in a process that only probes, as the two below.
  std::unique_ptr<WorkerContext> context_;
  std::vector<std::unique_ptr<Worker>> workers_;

  Mutex mutex_;
  std::condition_variable_any stopped_;  // With mutex_.
  bool stopping_ TARN_GUARDED_BY(mutex_) = false;
  std::thread progress_thread_;
  uint64_t memory_limit_ = 0;     // DuckDB's.
  int failed_memory_checks_ = 0;  // In a row. Only on progress_thread_.
};

}  // namespace tarn::engine
