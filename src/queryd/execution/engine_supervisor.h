#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "queryd/execution/engine_memory.h"
#include "queryd/execution/engine_process.h"
#include "queryd/execution/gauge_share.h"
#include "queryd/execution/known_objects.h"
#include "queryd/execution/known_views.h"
#include "queryd/execution/start_pacer.h"
#include "queryd/execution/view_target.h"
#include "queryd/query/admission.h"
#include "queryd/query/engine.h"
#include "queryd/query/query.h"

namespace tarn::queryd {

struct EngineOptions {
  std::string program;    // tarn-engine
  protocol::Setup setup;  // Without views and credentials.
  // Asked before a process starts, and by RefreshCredentials.
  std::function<Result<protocol::Credentials>()> credentials;
  // Called on an I/O thread: a query waits for a dataset that is being probed.
  std::function<void(const std::string& dataset)> hurry = nullptr;
  size_t slots = 1;  // 0 with setup.only_probes.
  Duration start_timeout = std::chrono::seconds(30);
  // A cancelled query has so long to end before its process is replaced.
  Duration cancel_grace = std::chrono::seconds(2);
  // A process that was replaced has so long to finish its queries.
  Duration drain_timeout = std::chrono::minutes(5);
  // So many processes start at once, and then one each interval.
  size_t starts_burst = 5;
  Duration start_interval = std::chrono::seconds(2);
  // Shared by engines; null: starts of its own, as the two before say.
  std::shared_ptr<EngineStarts> starts = nullptr;
  // Suspect queries that may wait to run alone, and how long one may.
  size_t suspect_queue_max = 100;
  Duration suspect_queue_timeout = std::chrono::minutes(2);
  // How long Stop waits for processes to go.
  Duration stop_timeout = std::chrono::seconds(5);
  std::shared_ptr<EngineMemory> memory = nullptr;  // Shared by all engines; null: no common limit.
};

// Keeps an engine process running, and replaces it: when it has crashed, takes too much memory,
// holds a query that does not end, says that it is broken, should have other credentials, or knows
// objects as they were before somebody overwrote them.
//
// Where the old process still answers, the new one starts first and takes over when it is ready;
// the old one finishes its queries and is ended then. No query is refused meanwhile. At most one
// process drains in this way: a replacement that can wait does, and of two processes, the one that
// loses less is ended. Starts are paced.
//
// A query that may have ended a process runs in an isolated one: see TakeIsolatedSlot.
//
// Thread-safe. Owned by a shared_ptr, and destroyed after Stop.
class EngineSupervisor : public ViewTarget, public std::enable_shared_from_this<EngineSupervisor> {
 public:
  EngineSupervisor(boost::asio::io_context& io, EngineOptions options, Metrics& metrics);

  // Starts the first process and waits until it is ready. Blocks.
  Result<> Open();
  // Starts it with views that are known to be good, in place of Open, and waits for nothing: a
  // process that does not start is tried again.
  void StartWith(const ViewChange& state);
  // Ends all processes and waits until they are gone, and all that runs on the I/O threads for
  // the supervisor. Blocks.
  void Stop();

  // A slot of the current process; waits for one. Not of `avoid`, as long as there is to be another
  // process. The error says that the query was cancelled or
  // that no engine came: kUnavailable.
  boost::asio::awaitable<Result<EngineProcess::Lease>> TakeSlot(
      Query& query, const EngineProcess* avoid = nullptr);
  // A slot of the isolated process, which runs this query alone and is not `avoid`; waits until the
  // process is ready. There is one such process at most: the caller must hold a place of
  // isolation(). Errors as above.
  boost::asio::awaitable<Result<EngineProcess::Lease>> TakeIsolatedSlot(
      Query& query, const EngineProcess* avoid = nullptr);
  // Queries that are to run in a process of their own, one after the other.
  Admission& isolation() { return isolation_; }
  // Takes the end of a process with which a query was lost, or that the query broke. Called on the
  // query's executor.
  using OnLost = std::function<void(const Query&, const EngineProcess&, EndCause)>;
  // Ends a query that nobody waits for any more. Its slot and its place are given back when the
  // engine has stopped it; where it does not, the process is replaced. `on_lost` is called if the
  // process ends before that, or if the query broke it; null: nothing is.
  void Abandon(EngineProcess::Lease lease, Admission::Permit permit, std::shared_ptr<Query> query,
               OnLost on_lost);

  // The error of a query whose isolated process ended, after another process in which it ran.
  static Error LostError(EndCause cause);

  // Has a new process take over. A replacement that is on its way already does.
  void Replace(const std::string& reason);
  // The same once no process drains.
  void ReplaceAfterDrain(const std::string& reason);
  // An object is not what this process knows of it: another takes over, where that keeps something
  // of objects.
  void ForgetObjects(const EngineProcess& process);
  // Ends a process that broke the protocol.
  void OnProtocolError(EngineProcess& process, const std::string& error);
  // DuckDB refuses further statements in this process: another one takes over.
  void ReplaceBroken(const EngineProcess& process);
  // Replaces the process when the provider has other credentials than it.
  Result<> RefreshCredentials();

  // Block until the engine has answered or the deadline has passed; not for an I/O thread.
  std::vector<PendingProbe> Probe(const std::vector<ProbeRequest>& requests,
                                  Deadline deadline) override;
  // Has the process read a dataset before the others, if it is probing it. A hint, which is dropped
  // while many messages to the process wait.
  void Hurry(const std::string& dataset);
  bool IsProbing() const;
  Result<> Apply(const ViewChange& change, Deadline deadline) override;
  // The same for a change that another engine has. The answer comes when the process has taken it;
  // there is none where that is not the process that now runs.
  std::future<Result<Schema>> Take(const ViewChange& change);

  // The catalogue's revision, where all of these are in it as they were read; else none.
  std::optional<uint64_t> RevisionWith(const std::vector<DatasetRead>& reads) const;

  // Of what runs the SQL: "DuckDB v1.5.5". After Open.
  std::string Version() const;
  std::shared_ptr<EngineProcess> CurrentProcess() const;  // Null: there is none.
  pid_t CurrentPid() const;                               // -1: there is none.
  pid_t IsolatedPid() const;  // The same of the process for suspect queries.

 private:
  // A process and what it is in our eyes.
  struct Member {
    uint64_t number = 0;
    std::shared_ptr<EngineProcess> process;
    protocol::Credentials credentials;
    Query::Clock::time_point started_at = Query::Clock::now();
    bool draining = false;
    uint64_t cached_bytes = 0;
    size_t stuck = 0;  // Queries in it that did not end in time.
    std::optional<protocol::Ready> ready;
    size_t changes_sent = 0;  // Before it was ready, and not answered yet.
    KnownObjects objects;     // Those that it may cache something of. Only with cache_objects.
    std::string temp_directory;
    std::string why_ended;  // Where we ended it ourselves.
    std::string postponed;  // The reason of a replacement that waits for a drain; or empty.
    bool is_isolated = false;
    bool is_tired = false;       // An isolated one that no other query should have.
    uint64_t views_changed = 0;  // views_changed_ when it started.
    // By slot: the number of its query in the slot.
    std::vector<std::pair<uint64_t, std::weak_ptr<Query>>> queries;
  };
  void ReplaceIfCurrent(const EngineProcess& process, const std::string& reason);
  // A probe or a change that a process was sent.
  struct Asked {
    uint64_t member = 0;
    std::string dataset = {};  // That is probed; empty for a change.
    std::promise<Result<Schema>> answer = {};
    std::shared_ptr<std::atomic<uint64_t>> objects_read = {};
    std::shared_ptr<std::atomic<uint64_t>> suspect = {};
    std::shared_ptr<std::atomic<bool>> exceeded_memory = {};
    std::set<uint64_t> decoding = {};  // The objects that DuckDB is decoding.
  };

  // Starts a process that is to be the current one, now or when the pace allows it. Does nothing
  // where one is on its way.
  Result<> StartProcess(const std::string& reason) TARN_REQUIRES(mutex_);
  Result<> StartNow(const std::string& reason) TARN_REQUIRES(mutex_);
  void StartAfter(const std::string& reason, Duration pause) TARN_REQUIRES(mutex_);
  bool IsStarting() const TARN_REQUIRES(mutex_) { return next_ != 0 || start_is_due_; }
  // The member of a new process.
  Result<Member*> AddMember(const std::string& reason, bool is_isolated) TARN_REQUIRES(mutex_);
  Result<protocol::Setup> MakeSetup(uint64_t number) TARN_REQUIRES(mutex_);
  // The isolated process, null if there is none. Ends one that no query can have any more, or that
  // started before views_changed_ had the value.
  Member* UsableIsolated(const EngineProcess* avoid, uint64_t views_changed) TARN_REQUIRES(mutex_);
  // Ends the isolated process, if it is this one.
  bool EndIsolated(const EngineProcess& process);
  // Ends the isolated process where no query waits for it.
  void EndIsolatedIfUnused(Member& member) TARN_REQUIRES(mutex_);
  void StartWatch(std::shared_ptr<void> hold);
  EngineProcess::Handlers MakeHandlers(uint64_t number);
  void OnReady(uint64_t number, const protocol::Ready& ready);
  void TakeOver(Member& member) TARN_REQUIRES(mutex_);
  void BeginToDrain(Member& member) TARN_REQUIRES(mutex_);
  bool IsAnyDraining() const TARN_REQUIRES(mutex_);
  void ReplacePostponed() TARN_REQUIRES(mutex_);
  static bool HasBegunAnswers(const Member& member);
  // Ends a process that drains, with the queries that run in it.
  void CutDrain(Member& member, std::string_view why) TARN_REQUIRES(mutex_);
  void TellSandbox(const protocol::Ready& ready) TARN_REQUIRES(mutex_);
  void OnApplied(uint64_t number, const protocol::ViewsApplied& applied);
  void OnEnd(uint64_t number, const std::string& how);
  void OnSlotFree(uint64_t number);
  void OnControlError(uint64_t number, const std::string& error);
  void OnUnhealthy(uint64_t number, const protocol::Unhealthy& unhealthy);
  void OnProbed(const protocol::Probed& probed);
  void OnProbeProgress(const protocol::ProbeProgress& progress);
  void OnDecoding(const protocol::Decoding& decoding);
  void Answered(uint64_t ticket, Result<Schema> outcome);
  void OnProgress(uint64_t number, const protocol::Progress& progress);
  void OnCached(uint64_t number, const protocol::Cached& cached);
  void EndIfDrained(Member& member) TARN_REQUIRES(mutex_);
  Member* FindMember(uint64_t number) TARN_REQUIRES(mutex_);
  pid_t PidOf(uint64_t number) const TARN_REQUIRES(mutex_);
  void WakeWaiting() TARN_REQUIRES(mutex_);
  void StartLater() TARN_REQUIRES(mutex_);
  // Returns a reference that work on the I/O threads holds: Stop waits for all of them. The last
  // copy must not be destroyed while mutex_ is held.
  std::shared_ptr<void> Hold() TARN_REQUIRES(mutex_);
  void MarkStuck(const EngineProcess* process, bool stuck);
  boost::asio::awaitable<void> Drain(EngineProcess::Lease lease, Admission::Permit permit,
                                     std::shared_ptr<Query> query, OnLost on_lost);
  boost::asio::awaitable<void> Watch();
  void LookAfter(Member& member, uint64_t resident) TARN_REQUIRES(mutex_);
  void LookAfterAll() TARN_REQUIRES(mutex_);

  // Expects the answer of the current process to a message with this ticket.
  PendingProbe Expect(uint64_t ticket, std::string dataset) TARN_REQUIRES(mutex_);
  // These require a current process.
  PendingProbe Ask(protocol::Probe probe) TARN_REQUIRES(mutex_);
  std::future<Result<Schema>> Ask(const ViewChange& change) TARN_REQUIRES(mutex_);
  void Remember(const ViewChange& change) TARN_REQUIRES(mutex_);
  // From now on the process may cache something of the objects.
  void Learn(Member& member, const std::vector<protocol::ViewPointer>& views) const
      TARN_REQUIRES(mutex_);
  static bool IsOverwritten(const Member& member, const ViewChange& change);
  // Has a process take over that knows no objects, and waits for it.
  Result<> StartAfresh(MutexLock& lock, Deadline deadline) TARN_REQUIRES(mutex_);
  void SendToNext(const ViewChange& change) TARN_REQUIRES(mutex_);

  boost::asio::io_context& io_;
  const EngineOptions options_;
  prometheus::Counter& started_;
  prometheus::Counter& crashed_;
  prometheus::Counter& out_of_memory_;
  prometheus::Counter& isolated_starts_;
  prometheus::Counter& delayed_starts_;
  prometheus::Counter& cut_drains_;
  prometheus::Counter& protocol_errors_;
  prometheus::Gauge& sandboxed_;

  mutable Mutex mutex_;
  std::condition_variable_any changed_;  // With mutex_: a process has come or gone.
  std::map<uint64_t, Member> members_ TARN_GUARDED_BY(mutex_);
  uint64_t last_number_ TARN_GUARDED_BY(mutex_) = 0;
  uint64_t current_ TARN_GUARDED_BY(mutex_) = 0;       // Takes queries; 0: none.
  uint64_t next_ TARN_GUARDED_BY(mutex_) = 0;          // Starts, to be the current one; 0: none.
  uint64_t isolated_ TARN_GUARDED_BY(mutex_) = 0;      // Runs or awaits a suspect query; 0: none.
  bool start_is_due_ TARN_GUARDED_BY(mutex_) = false;  // The start_timer_ starts the next one.
  const std::shared_ptr<EngineStarts> starts_;
  StartPacer start_reserve_ TARN_GUARDED_BY(mutex_);
  StartPacer isolated_start_reserve_ TARN_GUARDED_BY(mutex_);
  uint64_t views_changed_ TARN_GUARDED_BY(mutex_) = 0;  // Counts the changes of known_.
  KnownViews known_ TARN_GUARDED_BY(mutex_);
  // By ticket: the number of the process, and who waits for its answer.
  std::unordered_map<uint64_t, Asked> asked_ TARN_GUARDED_BY(mutex_);  // By ticket.
  // This engine's shares of the gauges.
  struct Gauges {
    explicit Gauges(Metrics& metrics);
    GaugeShare resident;
    GaugeShare cached;
    GaugeShare draining;
    GaugeShare suspects_queued;
    GaugeShare suspects_running;
    void Clear();
  };
  Gauges gauges_ TARN_GUARDED_BY(mutex_);
  uint64_t last_ticket_ TARN_GUARDED_BY(mutex_) = 0;
  std::set<std::shared_ptr<Query>> waiting_ TARN_GUARDED_BY(mutex_);  // For a slot.
  std::optional<protocol::Credentials> last_credentials_ TARN_GUARDED_BY(mutex_);
  std::string version_ TARN_GUARDED_BY(mutex_);
  std::string start_error_ TARN_GUARDED_BY(mutex_);                     // The latest.
  bool opening_ TARN_GUARDED_BY(mutex_) = false;                        // Open waits.
  std::optional<std::string> sandbox_missing_ TARN_GUARDED_BY(mutex_);  // As last told.
  int failed_starts_ TARN_GUARDED_BY(mutex_) = 0;                       // In a row.
  bool stopping_ TARN_GUARDED_BY(mutex_) = false;
  size_t held_ TARN_GUARDED_BY(mutex_) = 0;  // See Hold.
  boost::asio::strand<boost::asio::io_context::executor_type> strand_;
  boost::asio::steady_timer start_timer_;  // Only on strand_.
  boost::asio::steady_timer watch_timer_;  // Only on strand_.
  Admission isolation_;
};

}  // namespace tarn::queryd
