#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "auth/identity.h"
#include "base/mutex.h"
#include "queryd/execution/engine_supervisor.h"
#include "queryd/execution/known_views.h"
#include "queryd/execution/probe_processes.h"
#include "queryd/execution/view_target.h"

namespace tarn::queryd {

// The engines: the one that has all datasets, and for each other set of datasets that a
// token may see, an engine with these alone. What a process does not know it cannot give away: not
// by a name that is found, an error, EXPLAIN, a statistic or the time that something takes.
//
// An engine of a set starts when it is first asked for, and ends when nobody has used it for a
// while, or another set needs its place. If all places are taken, the queries of further sets wait.
// The sets get places in the order of their arrival. An engine that has had its place for `turn`
// takes no further queries while other sets wait. It ends when its queries have ended, and its set
// waits for a place like the others. Thread-safe.
class EnginePool : public ViewTarget {
 public:
  struct Limits {
    size_t scoped_max = 4;       // Engines beside the first.
    uint64_t scoped_memory = 0;  // memory_limit and memory_hard_limit of each.
    uint64_t scoped_memory_hard = 0;
    Duration idle_timeout = std::chrono::minutes(5);
    // How long an engine keeps its place while other sets wait; an unused one only for `rest`.
    Duration turn = std::chrono::seconds(5);
    Duration rest = std::chrono::milliseconds(250);
    // Of each process that only probes; 0: a quarter of the engine's.
    uint64_t probe_memory = 0;
    uint64_t probe_memory_hard = 0;
  };
  EnginePool(boost::asio::io_context& io, const EngineOptions& options, const Limits& limits,
             Metrics& metrics);
  ~EnginePool() override;

  // As EngineSupervisor's, for all of them.
  Result<> Open();
  void Stop();
  Result<> RefreshCredentials();
  std::string Version() const { return first_->Version(); }
  EngineSupervisor& first() { return *first_; }

  // Keeps an engine from being ended.
  using Use = std::shared_ptr<EngineSupervisor>;

  // The engine that sees what `scope` allows. Does not block. Null: the query must wait for a
  // place.
  Result<Use> For(const auth::DatasetScope& scope);
  // Waits until For may return an engine for the datasets of the query's user. The error says that
  // the query was cancelled, or that there was no place before the deadline: kUnavailable.
  boost::asio::awaitable<Result<>> WaitForPlace(Query& query, Deadline deadline);

  // Ends engines that nobody has used for a while. Blocks.
  void EndIdle();

  // Processes of their own read; the engines take the datasets that they could read.
  std::vector<PendingProbe> Probe(const std::vector<ProbeRequest>& requests,
                                  Deadline deadline) override;
  Result<> Apply(const ViewChange& change, Deadline deadline) override;
  // The handler is called on an I/O thread if a query waits for a dataset that is pending. Null:
  // none is.
  using HurryHandler = std::function<void(const std::string& dataset)>;
  void OnHurry(HurryHandler handler);

 private:
  using Clock = std::chrono::steady_clock;
  struct Scoped {
    std::shared_ptr<EngineSupervisor> engine;
    size_t uses = 0;
    Clock::time_point placed_at = Clock::now();
    std::optional<Clock::time_point> used_at = std::nullopt;  // The end of the last use.
    bool is_closed = false;  // Takes no further queries, because other sets wait.
  };
  using ScopedMap = std::map<auth::DatasetScope, Scoped>;
  // The queries of a set that wait for its place.
  struct Waiting {
    auth::DatasetScope scope;
    std::set<std::shared_ptr<Query>> queries = {};
  };
  // Removes a query from waiting_.
  class InLine;

  EngineOptions Completed(EngineOptions options);
  void Hurry(const std::string& dataset);
  std::shared_ptr<EngineSupervisor> StartScoped(const auth::DatasetScope& scope)
      TARN_REQUIRES(mutex_);
  Use UseOf(ScopedMap::iterator entry) TARN_REQUIRES(mutex_);
  void EndUse(const auth::DatasetScope& scope);
  ScopedMap::iterator Place(const auth::DatasetScope& scope) TARN_REQUIRES(mutex_);
  // When an unused engine may give its place to another set.
  Clock::time_point LeavesAt(const Scoped& scoped) const;
  // Whether an engine must refuse a new query, because its turn has ended and other sets wait.
  bool MustClose(const Scoped& scoped) const TARN_REQUIRES(mutex_);
  // Gives free places to the sets that wait.
  void Settle() TARN_REQUIRES(mutex_);
  // When the next unused engine may give up its place.
  Clock::time_point NextSettle() const TARN_REQUIRES(mutex_);
  // Takes out the engine that was unused for longest. Null: all are in use, or not to leave yet.
  std::shared_ptr<EngineSupervisor> TakeLeaving() TARN_REQUIRES(mutex_);
  std::shared_ptr<EngineSupervisor> TakeIdle(Clock::time_point used_before) TARN_REQUIRES(mutex_);
  std::shared_ptr<EngineSupervisor> Remove(ScopedMap::iterator entry) TARN_REQUIRES(mutex_);
  void StopInBackground(std::shared_ptr<EngineSupervisor> engine) TARN_REQUIRES(mutex_);

  boost::asio::io_context& io_;
  const EngineOptions options_;
  const Limits limits_;
  Metrics& metrics_;
  prometheus::Gauge& scoped_gauge_;
  ProbeProcesses probes_;
  const std::shared_ptr<EngineSupervisor> first_;

  mutable Mutex mutex_;
  KnownViews known_ TARN_GUARDED_BY(mutex_);
  HurryHandler on_hurry_ TARN_GUARDED_BY(mutex_);
  ScopedMap scoped_ TARN_GUARDED_BY(mutex_);
  std::list<Waiting> waiting_ TARN_GUARDED_BY(mutex_);  // In the order of arrival.
  uint64_t last_folder_ TARN_GUARDED_BY(mutex_) = 0;
  bool stopping_ TARN_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> stoppers_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::queryd
