// The part of EngineSupervisor that handles the messages and the end of processes.

#include <filesystem>

#include "base/log.h"
#include "base/text.h"
#include "queryd/execution/engine_supervisor.h"

namespace tarn::queryd {

namespace asio = boost::asio;

namespace {

constexpr size_t kVersionBytesMax = 100;

double SecondsSince(Query::Clock::time_point start) {
  return std::chrono::duration<double>(Query::Clock::now() - start).count();
}

}  // namespace

EngineProcess::Handlers EngineSupervisor::MakeHandlers(uint64_t number) {
  // A process that does not end in time outlives the supervisor.
  const auto guarded = [weak = weak_from_this()](auto handler) {
    return [weak, handler](const auto&... message) {
      if (const auto self = weak.lock()) handler(*self, message...);
    };
  };
  using Self = EngineSupervisor;
  return {
      .on_ready = guarded(
          [number](Self& self, const protocol::Ready& ready) { self.OnReady(number, ready); }),
      .on_probed =
          guarded([](Self& self, const protocol::Probed& probed) { self.OnProbed(probed); }),
      .on_probe_progress = guarded([](Self& self, const protocol::ProbeProgress& progress) {
        self.OnProbeProgress(progress);
      }),
      .on_decoding = guarded(
          [](Self& self, const protocol::Decoding& decoding) { self.OnDecoding(decoding); }),
      .on_hurry = guarded([](Self& self, const protocol::Hurry& hurry) {
        if (self.options_.hurry) self.options_.hurry(hurry.dataset);
      }),
      .on_views_applied = guarded([number](Self& self, const protocol::ViewsApplied& applied) {
        self.OnApplied(number, applied);
      }),
      .on_progress = guarded([number](Self& self, const protocol::Progress& progress) {
        self.OnProgress(number, progress);
      }),
      .on_unhealthy = guarded([number](Self& self, const protocol::Unhealthy& unhealthy) {
        self.OnUnhealthy(number, unhealthy);
      }),
      .on_cached = guarded(
          [number](Self& self, const protocol::Cached& cached) { self.OnCached(number, cached); }),
      .on_slot_free = guarded([number](Self& self) { self.OnSlotFree(number); }),
      .on_protocol_error = guarded(
          [number](Self& self, const std::string& error) { self.OnControlError(number, error); }),
      .on_end = guarded([number](Self& self, const std::string& how) { self.OnEnd(number, how); })};
}

void EngineSupervisor::OnSlotFree(uint64_t number) {
  const MutexLock lock(mutex_);
  if (Member* member = FindMember(number)) {
    EndIfDrained(*member);
    EndIsolatedIfUnused(*member);
  }
  WakeWaiting();
}

void EngineSupervisor::OnControlError(uint64_t number, const std::string& error) {
  std::shared_ptr<EngineProcess> process;
  {
    const MutexLock lock(mutex_);
    if (const Member* member = FindMember(number)) process = member->process;
  }
  if (process != nullptr) OnProtocolError(*process, error);
}

EngineSupervisor::Member* EngineSupervisor::FindMember(uint64_t number) {
  const auto found = members_.find(number);
  return found == members_.end() ? nullptr : &found->second;
}

void EngineSupervisor::OnReady(uint64_t number, const protocol::Ready& ready) {
  const MutexLock lock(mutex_);
  Member* member = FindMember(number);
  if (member == nullptr || stopping_) return;
  if (!ready.error.empty()) {
    // The process ends by itself.
    if (!member->is_isolated) start_error_ = Shortened(ready.error, protocol::kErrorBytesMax);
    member->why_ended = Shortened(ready.error, protocol::kErrorBytesMax);
    return;
  }
  member->ready = ready;
  if (member->is_isolated) return WakeWaiting();
  start_error_.clear();
  failed_starts_ = 0;
  TakeOver(*member);
}

// A process takes over after its answers to all changes that were sent during its start. Otherwise
// a query, which has another socket, could arrive before a change.
void EngineSupervisor::TakeOver(Member& member) {
  if (member.number != next_ || !member.ready || member.changes_sent > 0) return;
  const protocol::Ready& ready = *member.ready;
  version_ = Shortened(ready.version, kVersionBytesMax);
  Member* former = FindMember(current_);
  current_ = next_;
  next_ = 0;
  log::Info(options_.setup.only_probes ? "probe process ready" : "engine ready",
            {{"pid", int64_t{member.process->pid()}},
             {"seconds", SecondsSince(member.started_at)},
             {"sandbox", ready.sandbox.empty() ? "off" : ready.sandbox}});
  TellSandbox(ready);
  if (former != nullptr) BeginToDrain(*former);
  WakeWaiting();
  changed_.notify_all();
}

void EngineSupervisor::TellSandbox(const protocol::Ready& ready) {
  if (options_.setup.only_probes) return;  // The engine reports the same sandbox.
  sandboxed_.Set(!ready.sandbox.empty() && ready.sandbox_missing.empty() ? 1 : 0);
  // Logged once, because the kernel is the same for each process.
  if (sandbox_missing_ == ready.sandbox_missing) return;
  sandbox_missing_ = ready.sandbox_missing;
  if (ready.sandbox_missing.empty()) return;
  log::Warn("the sandbox of the engine is not complete", {{"missing", ready.sandbox_missing}});
}

void EngineSupervisor::OnEnd(uint64_t number, const std::string& how) {
  std::vector<std::promise<Result<Schema>>> unanswered;
  std::string temp_directory;
  {
    const MutexLock lock(mutex_);
    const auto found = members_.find(number);
    if (found == members_.end()) return;
    const Member member = std::move(found->second);
    members_.erase(found);
    temp_directory = member.temp_directory;
    const EndCause cause = member.process->end_cause();
    for (auto it = asked_.begin(); it != asked_.end();) {
      if (it->second.member == number) {
        const std::set<uint64_t>& decoding = it->second.decoding;
        // The footer is no suspect if the front ended the process.
        const bool is_suspect = !stopping_ && !IsFaultOfFront(cause);
        if (is_suspect && !decoding.empty()) *it->second.suspect = *decoding.begin();
        *it->second.exceeded_memory = cause == EndCause::kMemory;
        unanswered.push_back(std::move(it->second.answer));
        it = asked_.erase(it);
      } else {
        ++it;
      }
    }
    const bool was_next = number == next_;
    for (uint64_t* role : {&current_, &next_, &isolated_}) {
      if (*role == number) *role = 0;
    }
    // Open returns the error of the first process.
    const bool is_first = was_next && opening_;
    const bool is_planned = member.draining || cause == EndCause::kReplaced;
    if (stopping_ || is_planned || is_first) {
      log::Info(options_.setup.only_probes ? "probe process ended" : "engine ended",
                {{"pid", int64_t{member.process->pid()}},
                 {"reason", stopping_                  ? "stop"
                            : member.why_ended.empty() ? "replaced"
                                                       : member.why_ended}});
    } else {
      std::string why = member.why_ended.empty() ? "unexpected" : member.why_ended;
      const bool is_memory = cause == EndCause::kMemory || cause == EndCause::kSharedMemory;
      if (is_memory) why = "memory";
      log::Error(options_.setup.only_probes ? "probe process ended" : "engine ended",
                 {{"pid", int64_t{member.process->pid()}}, {"how", how}, {"reason", why}});
      (is_memory ? out_of_memory_ : crashed_).Increment();
    }
    if (was_next) {
      ++failed_starts_;
      if (start_error_.empty()) start_error_ = "the engine ended while it started: " + how;
    }
    if (!stopping_ && !is_first && current_ == 0 && !IsStarting()) {
      if (was_next) {
        StartLater();
      } else if (const Result<> started = StartProcess("the former one " + how); !started.ok()) {
        log::Error("the engine cannot be started", {{"error", started.error().message}});
        ++failed_starts_;
        StartLater();
      }
    }
    WakeWaiting();
    changed_.notify_all();
  }
  for (std::promise<Result<Schema>>& answer : unanswered)
    answer.set_value(Error{ErrorKind::kCancelled, "the engine process ended"});
  // Spilled data is of no use to another process.
  std::error_code ignored;
  if (!temp_directory.empty()) std::filesystem::remove_all(temp_directory, ignored);
}

}  // namespace tarn::queryd
