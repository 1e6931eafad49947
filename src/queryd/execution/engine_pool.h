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

// The engines: one with all datasets, and one for each other set of datasets that a token may see.
// A process with only these datasets cannot reveal others: not by names, errors, EXPLAIN,
// statistics or timing. A second engine with all datasets runs the queries of tokens that exhausted
// the memory of an engine, so that they do not exhaust the first one again.
//
// The engine of a set starts with the first query of the set. It ends after `idle_timeout` without
// queries, or when another set needs its slot in the pool. If all slots are taken, the queries of
// further sets wait, in the order in which the sets arrived. An engine that has had its slot for
// `turn` takes no further queries while other sets wait. It ends when its queries have ended, and
// its set waits for a slot like the others. Thread-safe.
class EnginePool : public ViewTarget {
 public:
  struct Limits {
    size_t scoped_max = 4;       // Engines for limited tokens.
    uint64_t scoped_memory = 0;  // memory_limit and memory_hard_limit of each of them.
    uint64_t scoped_memory_hard = 0;
    Duration idle_timeout = std::chrono::minutes(5);
    // The time that an engine keeps its slot while other sets wait; `rest` is for an idle engine.
    Duration turn = std::chrono::seconds(5);
    Duration rest = std::chrono::milliseconds(250);
    // The limits of a probe process; 0: a quarter of the engine's.
    uint64_t probe_memory = 0;
    uint64_t probe_memory_hard = 0;
  };
  EnginePool(boost::asio::io_context& io, const EngineOptions& options, const Limits& limits,
             Metrics& metrics);
  ~EnginePool() override;

  // Like the functions of EngineSupervisor, for all engines.
  Result<> Open();
  void Stop();
  Result<> RefreshCredentials();
  std::string Version() const { return first_->Version(); }
  EngineSupervisor& first() { return *first_; }

  // A reference that keeps the engine running.
  using Use = std::shared_ptr<EngineSupervisor>;

  // Returns the engine with the datasets of `scope`, or null if the query must wait for a slot.
  // `is_apart`: of two engines with all datasets, the one for tokens that exhausted the memory of
  // an engine. Does not block.
  Result<Use> For(const auth::DatasetScope& scope, bool is_apart = false);
  // Waits until For may return an engine for the datasets of the query's user. Errors: the reason
  // of a cancelled query; kUnavailable if no slot was free before the deadline.
  boost::asio::awaitable<Result<>> WaitForPlace(Query& query, Deadline deadline);

  // Ends engines that have been idle for `idle_timeout`. Blocks.
  void EndIdle();

  // Probe processes read the objects. The engines get only datasets whose probe succeeded.
  std::vector<PendingProbe> Probe(const std::vector<ProbeRequest>& requests,
                                  Deadline deadline) override;
  Result<> Apply(const ViewChange& change, Deadline deadline) override;
  // The handler is called on an I/O thread when a query waits for a pending dataset. Null removes
  // it.
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
  // A set that waits for a slot, with its queries.
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
  // The map with the engine of a set.
  ScopedMap& MapOf(const auth::DatasetScope& scope) TARN_REQUIRES(mutex_) {
    return scope.is_all() ? apart_ : scoped_;
  }
  std::vector<std::shared_ptr<EngineSupervisor>> Others() TARN_REQUIRES(mutex_);
  ScopedMap::iterator Place(const auth::DatasetScope& scope) TARN_REQUIRES(mutex_);
  // The time from which an idle engine may give its slot to another set.
  Clock::time_point LeavesAt(const Scoped& scoped) const;
  // Returns true if the engine must refuse new queries: its turn has ended and other sets wait.
  bool MustClose(const Scoped& scoped) const TARN_REQUIRES(mutex_);
  // Gives free slots to waiting sets.
  void Settle() TARN_REQUIRES(mutex_);
  // The time from which the next idle engine may give up its slot.
  Clock::time_point NextSettle() const TARN_REQUIRES(mutex_);
  // Removes and returns the engine that has been idle for longest; null if none may leave yet.
  std::shared_ptr<EngineSupervisor> TakeLeaving() TARN_REQUIRES(mutex_);
  std::shared_ptr<EngineSupervisor> Remove(ScopedMap::iterator entry) TARN_REQUIRES(mutex_);
  // Removes and returns an engine that has not been used since then; null if there is none.
  static std::shared_ptr<EngineSupervisor> TakeIdle(ScopedMap& engines,
                                                    Clock::time_point used_before);
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
  ScopedMap apart_ TARN_GUARDED_BY(mutex_);             // At most one engine, with all datasets.
  std::list<Waiting> waiting_ TARN_GUARDED_BY(mutex_);  // In the order of arrival.
  uint64_t last_folder_ TARN_GUARDED_BY(mutex_) = 0;
  bool stopping_ TARN_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> stoppers_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::queryd
