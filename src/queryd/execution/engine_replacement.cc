// The part of EngineSupervisor that replaces processes and drains the former ones.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "base/text.h"
#include "queryd/execution/engine_supervisor.h"

namespace tarn::queryd {
namespace {

// The minimum age at which an unhealthy engine that still works is replaced.
constexpr auto kTiredAfter = std::chrono::seconds(10);

}  // namespace

void EngineSupervisor::BeginToDrain(Member& member) {
  member.draining = true;
  member.started_at = Query::Clock::now();
  member.why_ended = "replaced";
  EndIfDrained(member);
  for (auto& [number, other] : members_) {
    if (member.process->is_going()) return;
    if (&other == &member || !other.draining || other.process->is_going()) continue;
    // Queries without sent rows run again. Those of the older process have run for longer.
    CutDrain(HasBegunAnswers(member) ? other : member, "another one drains");
  }
}

bool EngineSupervisor::HasBegunAnswers(const Member& member) {
  return std::any_of(member.queries.begin(), member.queries.end(), [](const auto& of_slot) {
    const std::shared_ptr<Query> query = of_slot.second.lock();
    return query != nullptr && query->answer_begun();
  });
}

void EngineSupervisor::CutDrain(Member& member, std::string_view why) {
  cut_drains_.Increment();
  log::Warn("an engine that was replaced is ended with its queries",
            {{"pid", int64_t{member.process->pid()}}, {"reason", why}});
  member.process->Kill(EndCause::kReplaced);
}

void EngineSupervisor::OnUnhealthy(uint64_t number, const protocol::Unhealthy& unhealthy) {
  {
    const MutexLock lock(mutex_);
    Member* member = FindMember(number);
    if (member == nullptr) return;
    member->is_tired = true;
    if (number != current_) return;
    // A new process would not be better than one that has just started.
    if (!unhealthy.broken && Query::Clock::now() - member->started_at < kTiredAfter) return;
  }
  const std::string reason = Shortened(unhealthy.reason, protocol::kErrorBytesMax);
  if (unhealthy.can_wait) return ReplaceAfterDrain(reason);
  Replace(reason);
}

void EngineSupervisor::EndIfDrained(Member& member) {
  if (!member.draining || member.process->slots_taken() > member.stuck) return;
  // Otherwise the probe would have to start again.
  const bool is_asked = std::any_of(asked_.begin(), asked_.end(), [&](const auto& asked) {
    return asked.second.member == member.number;
  });
  if (!is_asked) member.process->Kill(EndCause::kReplaced);
}

void EngineSupervisor::Replace(const std::string& reason) {
  const MutexLock lock(mutex_);
  if (stopping_ || current_ == 0) return;
  if (const Result<> started = StartProcess(reason); !started.ok()) {
    log::Error("the engine cannot be replaced", {{"error", started.error().message}});
  }
}

bool EngineSupervisor::IsAnyDraining() const {
  return std::any_of(members_.begin(), members_.end(), [](const auto& numbered) {
    const Member& member = numbered.second;
    return member.draining && !member.process->is_going();
  });
}

void EngineSupervisor::ReplaceAfterDrain(const std::string& reason) {
  {
    const MutexLock lock(mutex_);
    Member* member = FindMember(current_);
    if (stopping_ || member == nullptr || IsStarting()) return;
    if (IsAnyDraining()) {
      if (member->postponed.empty()) {
        log::Info("the engine is replaced later, because another one drains",
                  {{"pid", int64_t{member->process->pid()}}, {"reason", reason}});
      }
      member->postponed = reason;
      return;
    }
  }
  Replace(reason);
}

void EngineSupervisor::ReplacePostponed() {
  Member* member = FindMember(current_);
  if (stopping_ || member == nullptr || member->postponed.empty() || IsAnyDraining()) return;
  if (const Result<> started = StartProcess(std::exchange(member->postponed, {})); !started.ok()) {
    log::Error("the engine cannot be replaced", {{"error", started.error().message}});
  }
}

void EngineSupervisor::ForgetObjects(const EngineProcess& process) {
  if (options_.setup.cache_objects) ReplaceIfCurrent(process, "an object was overwritten");
}

void EngineSupervisor::ReplaceExhausted(const EngineProcess& process) {
  ReplaceIfCurrent(process, "memory ran out");
}

void EngineSupervisor::ReplaceBroken(const EngineProcess& process) {
  ReplaceIfCurrent(process, "DuckDB failed");
}

void EngineSupervisor::ReplaceIfCurrent(const EngineProcess& process, const std::string& reason) {
  {
    const MutexLock lock(mutex_);
    const Member* member = FindMember(current_);
    if (member == nullptr || member->process.get() != &process) return;
  }
  Replace(reason);
}

Result<> EngineSupervisor::RefreshCredentials() {
  TARN_TRY(const protocol::Credentials credentials, options_.credentials());
  {
    const MutexLock lock(mutex_);
    const Member* member = FindMember(next_ != 0 ? next_ : current_);
    if (member == nullptr || member->credentials == credentials) return {};
    if (Member* isolated = FindMember(isolated_)) isolated->is_tired = true;
  }
  Replace("new credentials");
  return {};
}

}  // namespace tarn::queryd
