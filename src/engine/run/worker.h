#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "engine/connection/watchdog.h"
#include "engine/gate/gate.h"
#include "engine/run/frame_socket.h"
#include "engine/run/plan_cache.h"
#include "engine/run/result_sink.h"
#include "engine/views/changed_datasets.h"
#include "engine/views/views.h"
#include "protocol/messages.h"
#include "result/result_encoder.h"

namespace tarn::engine {

// What the workers of an engine share.
struct WorkerContext {
  WorkerContext(Views& v, Watchdog& w, const protocol::Setup& setup)
      : views(v),
        watchdog(w),
        object_check(setup),
        plan_cache_entries(static_cast<size_t>(setup.plan_cache_entries)),
        allow_direct_reads(setup.allow_direct_reads),
        depths(setup.depths),
        cache_objects(setup.cache_objects) {}

  Views& views;
  Watchdog& watchdog;
  ObjectCheck object_check;
  const size_t plan_cache_entries;
  const bool allow_direct_reads;
  const protocol::DepthLimits depths;
  const bool cache_objects;
  // Asks the prober to read a dataset first, because a query waits for it.
  std::function<void(const std::string& dataset)> hurry;
  // Tells the front that this process should be replaced.
  std::function<void(const protocol::Unhealthy&)> report_unhealthy;
  ChangedDatasets changed;
  std::atomic<int> running = 0;  // Queries that run now.
  // A query had too little memory since memory was last found to be available.
  std::atomic<bool> has_run_out_of_memory = false;
};

// One slot: a thread with a socket of its own to the front and a connection of its own. It takes
// one query after the other from the socket and writes the result back.
class Worker {
 public:
  Worker(uint64_t slot, int descriptor, duck::Connection connection, WorkerContext& context);
  // Ends what runs, and waits for it.
  ~Worker();

  // Ends the query of that number; also when the worker has not read it yet. Any thread.
  void Cancel(uint64_t query);
  // How far the query that runs is; none when nothing runs for long enough to tell. Any thread.
  std::optional<protocol::Progress> Progress() const;

 private:
  void Loop();
  void RunOne(const protocol::Query& query);
  // Leaves the last of the result in the sink, also after an error; the summary counts what was
  // written.
  Result<> Execute(const protocol::Query& query, WatchedTask& task, ResultSink& sink,
                   ResultSummary& summary);
  // A query that sees one revision of the catalogue, and is ready to run.
  struct Bound {
    Plan* plan;
    duck::BoundStatement statement;  // Of the plan's.
    protocol::Begun begun;
  };
  Result<Plan*> PlanOf(const std::string& sql);
  Result<Bound> Bind(const protocol::Query& query, const WatchedTask& task);
  Result<duck::BoundStatement> Start(const protocol::Query& query, Plan& plan);
  Result<> Stream(const protocol::Query& query, Bound& bound, const WatchedTask& task,
                  ResultSink& sink, ResultSummary& summary);
  // kStale where an object of one of them is known to have changed.
  Result<> CheckUnchanged(const std::vector<std::string>& datasets) const;
  void NoteChanged(const std::string& sql);
  // Tells damaged objects from those that were overwritten.
  Error ExplainRead(const Error& error, std::chrono::system_clock::time_point begun_at) const;
  protocol::Failed Judge(const Error& error, const protocol::Query& query);
  // False after an error that made DuckDB refuse all further statements.
  bool DatabaseAnswers();

  const uint64_t slot_;
  FrameSocket socket_;
  WorkerContext& context_;
  duck::Connection connection_;
  Gate gate_;
  PlanCache plans_;
  std::optional<Views::Cut> cut_;  // What the query that runs reads.

  mutable Mutex mutex_;
  std::shared_ptr<WatchedTask> task_ TARN_GUARDED_BY(mutex_);  // Of what runs.
  uint64_t query_ TARN_GUARDED_BY(mutex_) = 0;                 // Its number.
  uint64_t cancelled_ TARN_GUARDED_BY(mutex_) = 0;             // This and all before.
  std::chrono::steady_clock::time_point started_at_ TARN_GUARDED_BY(mutex_) = {};

  std::thread thread_;
};

}  // namespace tarn::engine
