#include "queryd/execution/engine_supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "base/log.h"
#include "base/redact.h"
#include "net/awaitable.h"

namespace tarn::queryd {

namespace asio = boost::asio;

namespace {

constexpr auto kWatchEvery = std::chrono::milliseconds(100);
// The pause after a process that failed to start. It doubles up to the maximum.
constexpr auto kStartPauseMin = std::chrono::milliseconds(100);
constexpr auto kStartPauseMax = std::chrono::seconds(5);

// Registered at the start with the value 0: an alert on the increase of a counter would miss a
// counter that appears with the value 1.
prometheus::Counter& FailureCounter(Metrics& metrics, bool only_probes, const char* reason) {
  if (only_probes) {
    return metrics.Counter("tarn_probe_failures_total",
                           "Processes that read footers and ended unplanned", {{"reason", reason}});
  }
  return metrics.Counter("tarn_engine_failures_total", "Engine processes that ended unplanned",
                         {{"reason", reason}});
}

prometheus::Counter& StartCounter(Metrics& metrics, bool only_probes) {
  if (only_probes) {
    return metrics.Counter("tarn_probe_starts_total",
                           "Processes that read footers and were started");
  }
  return metrics.Counter("tarn_engine_starts_total", "Engine processes that were started");
}

}  // namespace

EngineSupervisor::EngineSupervisor(asio::io_context& io, EngineOptions options, Metrics& metrics)
    : io_(io),
      options_(std::move(options)),
      started_(StartCounter(metrics, options_.setup.only_probes)),
      crashed_(FailureCounter(metrics, options_.setup.only_probes, "crash")),
      out_of_memory_(FailureCounter(metrics, options_.setup.only_probes, "memory")),
      isolated_starts_(metrics.Counter(
          "tarn_engine_isolated_starts_total",
          "Engine processes that were started for a query that may have ended another one")),
      delayed_starts_(metrics.Counter("tarn_engine_delayed_starts_total",
                                      "Starts of engine processes that waited for their pace")),
      cut_drains_(metrics.Counter("tarn_engine_cut_drains_total",
                                  "Replaced engine processes that were ended with their queries")),
      protocol_errors_(metrics.Counter("tarn_engine_protocol_errors_total",
                                       "Messages of engine processes that could not be read")),
      sandboxed_(metrics.Gauge("tarn_engine_sandboxed",
                               "1: the engine process is in its sandbox, with nothing missing")),
      starts_(options_.starts != nullptr
                  ? options_.starts
                  : std::make_shared<EngineStarts>(options_.starts_burst, options_.start_interval)),
      start_reserve_(starts_->current.MakeReserve()),
      isolated_start_reserve_(starts_->isolated.MakeReserve()),
      gauges_(metrics),
      strand_(asio::make_strand(io)),
      start_timer_(strand_),
      watch_timer_(strand_),
      isolation_({.running_max = 1,
                  .queue_max = options_.suspect_queue_max,
                  .queue_timeout = options_.suspect_queue_timeout}) {}

EngineSupervisor::Gauges::Gauges(Metrics& metrics)
    : resident(metrics.Gauge("tarn_engine_resident_bytes", "Memory of all engine processes")),
      cached(metrics.Gauge("tarn_engine_data_cache_bytes",
                           "Data of objects that all engine processes keep in memory")),
      draining(metrics.Gauge("tarn_engine_draining",
                             "Engine processes that were replaced and finish their queries")),
      suspects_queued(metrics.Gauge("tarn_suspect_queries_queued",
                                    "Queries that wait to run in an engine of their own")),
      suspects_running(metrics.Gauge("tarn_suspect_queries_running",
                                     "Queries that run in an engine of their own")) {}

void EngineSupervisor::Gauges::Clear() {
  for (GaugeShare* share : {&resident, &cached, &draining, &suspects_queued, &suspects_running}) {
    share->Set(0);
  }
}

std::shared_ptr<void> EngineSupervisor::Hold() {
  ++held_;
  // A coroutine that still runs after Stop timed out keeps the supervisor alive.
  return {this, [alive = weak_from_this().lock()](EngineSupervisor* self) {
            const MutexLock lock(self->mutex_);
            --self->held_;
            self->changed_.notify_all();
          }};
}

Result<> EngineSupervisor::Open() {
  std::shared_ptr<void> hold;
  {
    const MutexLock lock(mutex_);
    opening_ = true;
    TARN_CHECK_OK(StartProcess("start"));
    hold = Hold();
  }
  StartWatch(std::move(hold));
  MutexLock lock(mutex_);
  changed_.wait_for(lock, options_.start_timeout, [this]() TARN_REQUIRES(mutex_) {
    return current_ != 0 || !start_error_.empty();
  });
  opening_ = false;
  if (current_ != 0) return {};
  return Internal(start_error_.empty() ? "the engine does not start" : start_error_);
}

void EngineSupervisor::StartWith(const ViewChange& state) {
  std::shared_ptr<void> hold;
  {
    const MutexLock lock(mutex_);
    Remember(state);
    hold = Hold();
    if (const Result<> started = StartProcess("start"); !started.ok()) {
      log::Error("the engine cannot be started", {{"error", started.error().message}});
      ++failed_starts_;
      StartLater();
    }
  }
  StartWatch(std::move(hold));
}

void EngineSupervisor::StartWatch(std::shared_ptr<void> hold) {
  asio::co_spawn(strand_, Watch(), [hold = std::move(hold)](const std::exception_ptr& error) {
    if (error) log::Error("the watch over the engine failed");
  });
}

void EngineSupervisor::Stop() {
  MutexLock lock(mutex_);
  if (!std::exchange(stopping_, true)) {
    for (auto& [number, member] : members_) member.process->Kill(EndCause::kReplaced);
    if (options_.memory != nullptr) options_.memory->Report(this, {});
    WakeWaiting();
    changed_.notify_all();
    asio::post(strand_, [this, hold = Hold()] {
      start_timer_.cancel();
      watch_timer_.cancel();
    });
  }
  if (!changed_.wait_for(lock, options_.stop_timeout, [this]() TARN_REQUIRES(mutex_) {
        return members_.empty() && held_ == 0;
      })) {
    log::Warn("an engine process does not end", {{"processes", uint64_t{members_.size()}}});
  }
}

Result<> EngineSupervisor::StartProcess(const std::string& reason) {
  if (stopping_ || IsStarting()) return {};
  const Duration pause = starts_->current.Take(start_reserve_, StartPacer::Clock::now());
  if (pause == Duration::zero()) return StartNow(reason);
  delayed_starts_.Increment();
  log::Warn("too many engine processes started lately, the next one starts later",
            {{"reason", reason}, {"seconds", std::chrono::duration<double>(pause).count()}});
  StartAfter(reason, pause);
  return {};
}

Result<> EngineSupervisor::StartNow(const std::string& reason) {
  TARN_TRY(const Member* member, AddMember(reason, /*is_isolated=*/false));
  started_.Increment();
  next_ = member->number;
  return {};
}

Result<EngineSupervisor::Member*> EngineSupervisor::AddMember(const std::string& reason,
                                                              bool is_isolated) {
  const uint64_t number = ++last_number_;
  TARN_TRY(protocol::Setup setup, MakeSetup(number));
  ViewChange known = known_.All([](const std::string& /*name*/) { return true; });
  setup.revision = known.revision;
  setup.pending = std::move(known.pending);
  const size_t slots = is_isolated ? 1 : options_.slots;
  TARN_TRY(
      std::shared_ptr<EngineProcess> process,
      EngineProcess::Start(io_, options_.program, slots, setup, known.put, MakeHandlers(number)));
  log::Info(options_.setup.only_probes ? "probe process starting"
            : is_isolated              ? "isolated engine starting"
                                       : "engine starting",
            {{"pid", int64_t{process->pid()}}, {"reason", reason}});
  Member member{.number = number,
                .process = std::move(process),
                .credentials = setup.credentials,
                .is_isolated = is_isolated,
                .views_changed = views_changed_};
  member.queries.resize(slots);
  member.temp_directory = setup.temp_directory;
  Learn(member, known.put);
  return &members_.emplace(number, std::move(member)).first->second;
}

Result<protocol::Setup> EngineSupervisor::MakeSetup(uint64_t number) {
  Result<protocol::Credentials> provided = options_.credentials();
  if (!provided.ok() && last_credentials_) {
    // The engine must start even if the file cannot be read for a moment.
    log::Warn("cannot read the credentials, keeping the former ones",
              {{"error", provided.error().message}});
    provided = *last_credentials_;
  }
  TARN_TRY(const protocol::Credentials credentials, std::move(provided));
  last_credentials_ = credentials;
  for (const std::string* secret :
       {&credentials.access_key_id, &credentials.secret_access_key, &credentials.session_token}) {
    ProcessRedactor().Add(*secret);
  }
  protocol::Setup setup = options_.setup;
  setup.credentials = credentials;
  // DuckDB's files have the same names in each process, so each process has its own folder.
  if (!setup.temp_directory.empty()) setup.temp_directory += fmt::format("/{}", number);
  return setup;
}

void EngineSupervisor::StartLater() {
  StartAfter("try again", std::min<Duration>(kStartPauseMin * (1 << std::min(failed_starts_, 10)),
                                             kStartPauseMax));
}

void EngineSupervisor::StartAfter(const std::string& reason, Duration pause) {
  start_is_due_ = true;
  asio::post(strand_, [this, reason, pause, hold = Hold()] {
    {
      const MutexLock lock(mutex_);
      if (stopping_) return;
    }
    start_timer_.expires_after(pause);
    start_timer_.async_wait([this, reason, hold](boost::system::error_code code) {
      const MutexLock lock(mutex_);
      start_is_due_ = false;
      if (code || stopping_) return;
      if (const Result<> started = StartNow(reason); !started.ok()) {
        log::Error("the engine cannot be started", {{"error", started.error().message}});
        ++failed_starts_;
        if (current_ == 0) StartLater();
        WakeWaiting();
        changed_.notify_all();
      }
    });
  });
}

Error EngineSupervisor::LostError(EndCause cause) {
  if (cause == EndCause::kMemory) {
    return InvalidArgument(
        "the engine process exceeded its memory limit (queryd.memory_hard_limit) while this query "
        "ran, twice; it does not run again");
  }
  if (!MayBeFaultOfQuery(cause)) {
    return Unavailable(
        "the engine process of this query was ended from outside, or because all engine processes "
        "together exceeded their memory limit (queryd.engines_memory_limit): try again later");
  }
  return Internal("the engine process ended while this query ran, twice; it does not run again");
}

void EngineSupervisor::OnProtocolError(EngineProcess& process, const std::string& error) {
  process.Kill(EndCause::kCrashed);
  protocol_errors_.Increment();
  log::Error("protocol error of an engine process, ending it",
             {{"pid", int64_t{process.pid()}}, {"error", error}});
}

asio::awaitable<void> EngineSupervisor::Watch() {
  for (;;) {
    watch_timer_.expires_after(kWatchEvery);
    co_await watch_timer_.async_wait(net::kAsTuple);
    const MutexLock lock(mutex_);
    if (stopping_) {
      gauges_.Clear();
      co_return;
    }
    LookAfterAll();
  }
}

void EngineSupervisor::LookAfterAll() {
  uint64_t total = 0;
  uint64_t total_cached = 0;
  size_t draining = 0;
  std::vector<EngineMemory::Usage> usages;
  for (auto& [number, member] : members_) {
    const uint64_t resident = member.process->ResidentBytes();
    total += resident;
    total_cached += member.cached_bytes;
    LookAfter(member, resident);
    if (member.draining && !options_.setup.only_probes) ++draining;
    const bool is_being_replaced = number == current_ && next_ != 0;
    usages.push_back({.process = member.process,
                      .bytes = resident,
                      .memory_limit = options_.setup.memory_limit,
                      .is_draining = member.draining || is_being_replaced,
                      .since = member.started_at});
  }
  if (options_.memory != nullptr) options_.memory->Report(this, std::move(usages));
  ReplacePostponed();
  gauges_.resident.Set(static_cast<double>(total));
  gauges_.cached.Set(static_cast<double>(total_cached));
  gauges_.draining.Set(static_cast<double>(draining));
  gauges_.suspects_queued.Set(static_cast<double>(isolation_.queued()));
  gauges_.suspects_running.Set(static_cast<double>(isolation_.running()));
}

void EngineSupervisor::LookAfter(Member& member, uint64_t resident) {
  const Duration age =
      std::chrono::duration_cast<Duration>(Query::Clock::now() - member.started_at);
  const bool starts = member.number == next_ || (member.is_isolated && !member.ready);
  if (member.process->is_going()) return;
  if (options_.setup.memory_hard_limit > 0 && resident > options_.setup.memory_hard_limit) {
    log::Error("the engine exceeds its memory limit",
               {{"pid", int64_t{member.process->pid()}},
                {"bytes", resident},
                {"limit", options_.setup.memory_hard_limit}});
    member.process->Kill(EndCause::kMemory);
  } else if (member.draining && age > options_.drain_timeout) {
    CutDrain(member, "queryd.drain_timeout");
  } else if (starts && age > options_.start_timeout) {
    member.why_ended = "does not start";
    member.process->Kill();
  } else if (member.is_isolated && member.process->slots_taken() == 0 &&
             isolation_.running() == 0) {
    // The queries that waited for it were cancelled meanwhile.
    EndIsolatedIfUnused(member);
  }
}

std::string EngineSupervisor::Version() const {
  const MutexLock lock(mutex_);
  return version_;
}

std::shared_ptr<EngineProcess> EngineSupervisor::CurrentProcess() const {
  const MutexLock lock(mutex_);
  const auto found = members_.find(current_);
  return found == members_.end() ? nullptr : found->second.process;
}

pid_t EngineSupervisor::CurrentPid() const {
  const MutexLock lock(mutex_);
  return PidOf(current_);
}

pid_t EngineSupervisor::IsolatedPid() const {
  const MutexLock lock(mutex_);
  return PidOf(isolated_);
}

pid_t EngineSupervisor::PidOf(uint64_t number) const {
  const auto found = members_.find(number);
  return found == members_.end() ? -1 : found->second.process->pid();
}

}  // namespace tarn::queryd
