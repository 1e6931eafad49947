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
  std::string program;    // The path of tarn-engine.
  protocol::Setup setup;  // Without views and credentials.
  // Called before each start of a process, and by RefreshCredentials.
  std::function<Result<protocol::Credentials>()> credentials;
  // Called on an I/O thread if a query waits for a dataset that is being probed.
  std::function<void(const std::string& dataset)> hurry = nullptr;
  size_t slots = 1;  // 0 with setup.only_probes.
  Duration start_timeout = std::chrono::seconds(30);
  // The time for a cancelled query to end. After it, the process is replaced.
  Duration cancel_grace = std::chrono::seconds(2);
  // The time for a replaced process to complete its queries.
  Duration drain_timeout = std::chrono::minutes(5);
  // The number of processes that may start at once. Then one may start each interval.
  size_t starts_burst = 5;
  Duration start_interval = std::chrono::seconds(2);
  // The budget of starts, if several engines share it. Null: the two settings above apply.
  std::shared_ptr<EngineStarts> starts = nullptr;
  // The limits for the queue of suspect queries.
  size_t suspect_queue_max = 100;
  Duration suspect_queue_timeout = std::chrono::minutes(2);
  // The time that Stop waits for the end of the processes.
  Duration stop_timeout = std::chrono::seconds(5);
  std::shared_ptr<EngineMemory> memory = nullptr;  // Shared by all engines. Null: no common limit.
};

// Keeps an engine process running. Replaces it if it crashes, exceeds its memory, holds a query
// that does not end, reports that it is broken, has former credentials, or has cached objects that
// were overwritten.
//
// If the former process still responds, the new one starts first and takes over when it is ready.
// The former one completes its queries and is ended then. No query is refused meanwhile. At most
// one process drains. If another process has to drain, its replacement waits if it can. Otherwise,
// of the two, the process that loses less work is ended. Starts are paced.
//
// A query that may have ended a process runs in an isolated one: see TakeIsolatedSlot.
//
// Thread-safe. Owned by a shared_ptr, and destroyed after Stop.
class EngineSupervisor : public ViewTarget, public std::enable_shared_from_this<EngineSupervisor> {
 public:
  EngineSupervisor(boost::asio::io_context& io, EngineOptions options, Metrics& metrics);

  // Starts the first process and waits until it is ready. Blocks.
  Result<> Open();
  // Starts the first process with these views, in place of Open. Does not wait. A start that fails
  // is repeated.
  void StartWith(const ViewChange& state);
  // Ends all processes. Waits until they are reaped and no coroutine of the supervisor runs any
  // more. Blocks.
  void Stop();

  // Waits for a slot of the current process. `avoid` is not used if another process is starting.
  // Errors: the reason of a cancelled query; kUnavailable if no process became ready in time.
  boost::asio::awaitable<Result<EngineProcess::Lease>> TakeSlot(
      Query& query, const EngineProcess* avoid = nullptr);
  // Waits for the slot of the isolated process, which runs no other query and is not `avoid`. There
  // is at most one such process, so the caller must hold a permit of isolation(). Errors as above.
  boost::asio::awaitable<Result<EngineProcess::Lease>> TakeIsolatedSlot(
      Query& query, const EngineProcess* avoid = nullptr);
  // The queue of the queries for the isolated process.
  Admission& isolation() { return isolation_; }
  // Receives the end of the process in which a query ran, or kBroken if the query broke it. Called
  // on the executor of the query.
  using OnLost = std::function<void(const Query&, const EngineProcess&, EndCause)>;
  // Ends a query whose result is no longer read. Its slot and its permit are free when the process
  // has stopped it. If that takes too long, the process is replaced. `on_lost` is called if the
  // process ends before, or if the query broke it; it may be null.
  void Abandon(EngineProcess::Lease lease, Admission::Permit permit, std::shared_ptr<Query> query,
               OnLost on_lost);

  // Returns the error of a query whose isolated process ended after an earlier one.
  static Error LostError(EndCause cause);

  // Starts a process to take over, unless one is starting.
  void Replace(const std::string& reason);
  // Like Replace, but waits until no process drains.
  void ReplaceAfterDrain(const std::string& reason);
  // Replaces this process because an object was overwritten, if the process caches objects.
  void ForgetObjects(const EngineProcess& process);
  // Ends a process that broke the protocol.
  void OnProtocolError(EngineProcess& process, const std::string& error);
  // Replaces this process because memory ran out in it.
  void ReplaceExhausted(const EngineProcess& process);
  // Replaces this process because DuckDB refuses further statements in it.
  void ReplaceBroken(const EngineProcess& process);
  // Replaces the process if the provider has other credentials.
  Result<> RefreshCredentials();

  // These block until the process has answered or the deadline has passed. Not for I/O threads.
  std::vector<PendingProbe> Probe(const std::vector<ProbeRequest>& requests,
                                  Deadline deadline) override;
  // Asks the process to read a dataset before the others, if it is probing it. The request is
  // dropped while many messages to the process wait.
  void Hurry(const std::string& dataset);
  bool IsProbing() const;
  Result<> Apply(const ViewChange& change, Deadline deadline) override;
  // The same for a change that another engine has applied. The answer comes when the process has
  // applied it. There is no answer (an invalid future) without a current process.
  std::future<Result<Schema>> Take(const ViewChange& change);

  // The revision of the catalogue, if all of these datasets still have their versions in it.
  std::optional<uint64_t> RevisionWith(const std::vector<DatasetRead>& reads) const;

  // The version of the SQL engine, after Open: "DuckDB v1.5.5".
  std::string Version() const;
  std::shared_ptr<EngineProcess> CurrentProcess() const;  // May be null.
  pid_t CurrentPid() const;                               // -1: there is none.
  pid_t IsolatedPid() const;  // The isolated process; -1: there is none.

 private:
  // A process, and its state for the supervisor.
  struct Member {
    uint64_t number = 0;
    std::shared_ptr<EngineProcess> process;
    protocol::Credentials credentials;
    Query::Clock::time_point started_at = Query::Clock::now();
    bool draining = false;
    uint64_t cached_bytes = 0;
    size_t stuck = 0;  // Cancelled queries that did not end in time.
    std::optional<protocol::Ready> ready;
    size_t changes_sent = 0;  // Changes that were sent before it was ready, without an answer yet.
    KnownObjects objects;     // The objects that it may have cached. Only with cache_objects.
    std::string temp_directory;
    std::string why_ended;  // The reason, if the supervisor ended it.
    std::string postponed;  // The reason of a replacement that waits for a drain; else empty.
    bool is_isolated = false;
    bool is_tired = false;       // An isolated process that must get no further query.
    uint64_t views_changed = 0;  // The value of views_changed_ at its start.
    // The query of each slot, with its number.
    std::vector<std::pair<uint64_t, std::weak_ptr<Query>>> queries;
  };
  void ReplaceIfCurrent(const EngineProcess& process, const std::string& reason);
  // A probe or a change that was sent to a process.
  struct Asked {
    uint64_t member = 0;
    std::string dataset = {};  // The probed dataset; empty for a change.
    std::promise<Result<Schema>> answer = {};
    std::shared_ptr<std::atomic<uint64_t>> objects_read = {};
    std::shared_ptr<std::atomic<uint64_t>> suspect = {};
    std::shared_ptr<std::atomic<bool>> exceeded_memory = {};
    std::set<uint64_t> decoding = {};  // The objects that DuckDB is decoding.
  };

  // Starts the next current process, now or when the pace allows it. Does nothing if one is
  // starting.
  Result<> StartProcess(const std::string& reason) TARN_REQUIRES(mutex_);
  Result<> StartNow(const std::string& reason) TARN_REQUIRES(mutex_);
  void StartAfter(const std::string& reason, Duration pause) TARN_REQUIRES(mutex_);
  bool IsStarting() const TARN_REQUIRES(mutex_) { return next_ != 0 || start_is_due_; }
  // Starts a process and returns its member.
  Result<Member*> AddMember(const std::string& reason, bool is_isolated) TARN_REQUIRES(mutex_);
  Result<protocol::Setup> MakeSetup(uint64_t number) TARN_REQUIRES(mutex_);
  // Returns the isolated process, or null. Ends one that cannot take a query, or that started
  // before views_changed_ had this value.
  Member* UsableIsolated(const EngineProcess* avoid, uint64_t views_changed) TARN_REQUIRES(mutex_);
  // Ends this process if it is the isolated one.
  bool EndIsolated(const EngineProcess& process);
  // Ends the isolated process if no query waits for it.
  void EndIsolatedIfUnused(Member& member) TARN_REQUIRES(mutex_);
  void StartWatch(std::shared_ptr<void> hold);
  EngineProcess::Handlers MakeHandlers(uint64_t number);
  void OnReady(uint64_t number, const protocol::Ready& ready);
  void TakeOver(Member& member) TARN_REQUIRES(mutex_);
  void BeginToDrain(Member& member) TARN_REQUIRES(mutex_);
  bool IsAnyDraining() const TARN_REQUIRES(mutex_);
  void ReplacePostponed() TARN_REQUIRES(mutex_);
  static bool HasBegunAnswers(const Member& member);
  // Ends a draining process with its running queries.
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
  // Returns a reference for work on the I/O threads. Stop waits until all are destroyed. The last
  // copy must not be destroyed while mutex_ is held.
  std::shared_ptr<void> Hold() TARN_REQUIRES(mutex_);
  void MarkStuck(const EngineProcess* process, bool stuck);
  boost::asio::awaitable<void> Drain(EngineProcess::Lease lease, Admission::Permit permit,
                                     std::shared_ptr<Query> query, OnLost on_lost);
  boost::asio::awaitable<void> Watch();
  void LookAfter(Member& member, uint64_t resident) TARN_REQUIRES(mutex_);
  void LookAfterAll() TARN_REQUIRES(mutex_);

  // Registers a message to the current process, whose answer has this ticket.
  PendingProbe Expect(uint64_t ticket, std::string dataset) TARN_REQUIRES(mutex_);
  // These require a current process.
  PendingProbe Ask(protocol::Probe probe) TARN_REQUIRES(mutex_);
  std::future<Result<Schema>> Ask(const ViewChange& change) TARN_REQUIRES(mutex_);
  void Remember(const ViewChange& change) TARN_REQUIRES(mutex_);
  // Notes that the process may cache the objects of these views.
  void Learn(Member& member, const std::vector<protocol::ViewPointer>& views) const
      TARN_REQUIRES(mutex_);
  static bool IsOverwritten(const Member& member, const ViewChange& change);
  // Starts a process without cached objects, and waits until it takes over.
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
  std::condition_variable_any changed_;  // With mutex_: a process became ready or ended.
  std::map<uint64_t, Member> members_ TARN_GUARDED_BY(mutex_);
  uint64_t last_number_ TARN_GUARDED_BY(mutex_) = 0;
  // The numbers of these processes; 0: none.
  uint64_t current_ TARN_GUARDED_BY(mutex_) = 0;       // Takes queries.
  uint64_t next_ TARN_GUARDED_BY(mutex_) = 0;          // Is starting, and then takes over.
  uint64_t isolated_ TARN_GUARDED_BY(mutex_) = 0;      // Runs suspect queries.
  bool start_is_due_ TARN_GUARDED_BY(mutex_) = false;  // start_timer_ starts the next process.
  const std::shared_ptr<EngineStarts> starts_;
  StartPacer start_reserve_ TARN_GUARDED_BY(mutex_);
  StartPacer isolated_start_reserve_ TARN_GUARDED_BY(mutex_);
  uint64_t views_changed_ TARN_GUARDED_BY(mutex_) = 0;  // Counts the changes of known_.
  KnownViews known_ TARN_GUARDED_BY(mutex_);
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
  std::set<std::shared_ptr<Query>> waiting_ TARN_GUARDED_BY(mutex_);  // Wait for a slot.
  std::optional<protocol::Credentials> last_credentials_ TARN_GUARDED_BY(mutex_);
  std::string version_ TARN_GUARDED_BY(mutex_);
  std::string start_error_ TARN_GUARDED_BY(mutex_);                     // The last one.
  bool opening_ TARN_GUARDED_BY(mutex_) = false;                        // Open is waiting.
  std::optional<std::string> sandbox_missing_ TARN_GUARDED_BY(mutex_);  // As last logged.
  int failed_starts_ TARN_GUARDED_BY(mutex_) = 0;                       // Consecutive.
  bool stopping_ TARN_GUARDED_BY(mutex_) = false;
  size_t held_ TARN_GUARDED_BY(mutex_) = 0;  // See Hold.
  boost::asio::strand<boost::asio::io_context::executor_type> strand_;
  boost::asio::steady_timer start_timer_;  // Only on strand_.
  boost::asio::steady_timer watch_timer_;  // Only on strand_.
  Admission isolation_;
};

}  // namespace tarn::queryd
