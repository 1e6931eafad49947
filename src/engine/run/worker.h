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

// Returns a query that needs a small part of DuckDB's memory. It fails if memory is exhausted.
std::string MemoryCheckSql(uint64_t memory_limit);

// The state that the workers of an engine share.
struct WorkerContext {
  WorkerContext(Views& v, Watchdog& w, const protocol::Setup& setup)
      : views(v),
        watchdog(w),
        object_check(setup),
        plan_cache_entries(static_cast<size_t>(setup.plan_cache_entries)),
        allow_direct_reads(setup.allow_direct_reads),
        depths(setup.depths),
        memory_check(MemoryCheckSql(setup.memory_limit)),
        cache_objects(setup.cache_objects) {}

  Views& views;
  Watchdog& watchdog;
  ObjectCheck object_check;
  const size_t plan_cache_entries;
  const bool allow_direct_reads;
  const protocol::DepthLimits depths;
  const std::string memory_check;
  const bool cache_objects;
  // Asks the prober to read a dataset first, because a query waits for it.
  std::function<void(const std::string& dataset)> hurry;
  // Tells the front that this process should be replaced.
  std::function<void(const protocol::Unhealthy&)> report_unhealthy;
  ChangedDatasets changed;
  std::atomic<int> running = 0;     // Queries that run now.
  std::atomic<uint64_t> begun = 0;  // Counts the queries.
  // A query had too little memory since memory was last found to be available.
  std::atomic<bool> has_run_out_of_memory = false;
};

// The worker of a slot: a thread with its own socket to the front and its own connection to DuckDB.
// It reads queries from the socket, runs one after another, and writes the results.
class Worker {
 public:
  Worker(uint64_t slot, int descriptor, duck::Connection connection, WorkerContext& context);
  // Cancels the running query and waits for it.
  ~Worker();

  // Cancels the query of this number, also before the worker has read it. Thread-safe.
  void Cancel(uint64_t query);
  // Returns the progress of a query that has run for a while, or nullopt. Thread-safe.
  std::optional<protocol::Progress> Progress() const;

 private:
  void Loop();
  void RunOne(const protocol::Query& query);
  // Runs a query. The end of the result stays in the sink, also after an error. The summary counts
  // the written rows.
  Result<> Execute(const protocol::Query& query, WatchedTask& task, ResultSink& sink,
                   ResultSummary& summary);
  // A query that is bound to one catalogue revision.
  struct Bound {
    Plan* plan;
    // Made from the statement of the plan. Empty for a description.
    std::optional<duck::BoundStatement> statement;
    protocol::Begun begun;
    bool has_columns = false;  // The columns are in `begun`.
  };
  Result<Plan*> PlanOf(const std::string& sql);
  Result<Bound> Bind(const protocol::Query& query, const WatchedTask& task);
  // Prepares the statement of the plan with these datasets, unless it is prepared.
  Result<> Prepare(const protocol::Query& query, const std::vector<protocol::DatasetRead>& reads,
                   Plan& plan);
  // Binds the statement for a run, or adds its description.
  Result<> Start(const protocol::Query& query, Bound& bound);
  Result<> Stream(const protocol::Query& query, Bound& bound, const WatchedTask& task,
                  ResultSink& sink, ResultSummary& summary);
  // Returns kStale if an object of one of the datasets is known to have changed.
  Result<> CheckUnchanged(const std::vector<std::string>& datasets) const;
  void NoteChanged(const std::string& sql);
  // Replaces an error in reading an object by one that says whether it is damaged or overwritten.
  Error ExplainRead(const Error& error, std::chrono::system_clock::time_point begun_at) const;
  // `is_alone`: no other query ran meanwhile.
  protocol::Failed Judge(const Error& error, const protocol::Query& query, bool is_alone);
  // Returns false if DuckDB refuses all statements after an error.
  bool DatabaseAnswers();

  const uint64_t slot_;
  FrameSocket socket_;
  WorkerContext& context_;
  duck::Connection connection_;
  Gate gate_;
  PlanCache plans_;
  std::optional<Views::Cut> cut_;  // The datasets of the running query.

  mutable Mutex mutex_;
  std::shared_ptr<WatchedTask> task_ TARN_GUARDED_BY(mutex_);  // The running query.
  uint64_t query_ TARN_GUARDED_BY(mutex_) = 0;                 // The number of the running query.
  uint64_t cancelled_ TARN_GUARDED_BY(mutex_) = 0;             // The last cancelled query.
  std::chrono::steady_clock::time_point started_at_ TARN_GUARDED_BY(mutex_) = {};

  std::thread thread_;
};

}  // namespace tarn::engine
