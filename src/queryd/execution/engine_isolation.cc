// The part of EngineSupervisor that runs suspect queries in an isolated process.

#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "queryd/execution/engine_supervisor.h"

namespace tarn::queryd {

namespace asio = boost::asio;

namespace {

// The time after which a process that does not start is followed by another one.
constexpr auto kStartAgainAfter = std::chrono::seconds(1);

}  // namespace

EngineSupervisor::Member* EngineSupervisor::UsableIsolated(const EngineProcess* avoid,
                                                           uint64_t views_changed) {
  Member* member = FindMember(isolated_);
  if (member == nullptr) return nullptr;
  // If the slot is still taken, its query was cancelled.
  const bool is_usable = !member->process->is_going() && !member->is_tired &&
                         member->views_changed >= views_changed && member->process.get() != avoid &&
                         member->process->slots_taken() == 0;
  if (is_usable) return member;
  member->why_ended = "replaced";
  member->process->Kill(EndCause::kReplaced);
  isolated_ = 0;
  return nullptr;
}

asio::awaitable<Result<EngineProcess::Lease>> EngineSupervisor::TakeIsolatedSlot(
    Query& query, const EngineProcess* avoid) {
  const std::shared_ptr<Query> self = query.shared_from_this();
  const Deadline deadline = Deadline::After(options_.start_timeout);
  Deadline start_at = Deadline::After(Duration::zero());
  // The query must see the present state of the catalogue, or a later one.
  uint64_t views_changed = 0;
  {
    const MutexLock lock(mutex_);
    views_changed = views_changed_;
    if (UsableIsolated(avoid, views_changed) == nullptr) {
      start_at = Deadline::After(
          starts_->isolated.Take(isolated_start_reserve_, StartPacer::Clock::now()));
    }
  }
  for (;;) {
    {
      const MutexLock lock(mutex_);
      waiting_.erase(self);
      if (query.cancel_reason()) co_return *query.cancel_reason();
      if (stopping_) co_return Unavailable("the server is shutting down");
      Member* member = UsableIsolated(avoid, views_changed);
      if (member != nullptr && member->ready) {
        if (auto lease = member->process->TakeSlot()) {
          member->queries[lease->slot().index] = {lease->slot().query + 1, self};
          log::Info("a query runs in an isolated engine process",
                    {{"query_id", query.id()}, {"pid", int64_t{member->process->pid()}}});
          co_return std::move(*lease);
        }
      }
      if (deadline.Passed()) co_return Unavailable("no engine is ready, try again later");
      if (member == nullptr && start_at.Passed()) {
        const Result<Member*> added = AddMember("a query that may end it", /*is_isolated=*/true);
        if (!added.ok()) {
          log::Error("the engine cannot be started", {{"error", added.error().message}});
          co_return Unavailable("no engine can be started, try again later");
        }
        isolated_starts_.Increment();
        isolated_ = (*added)->number;
        start_at = Deadline::After(kStartAgainAfter);
      }
      waiting_.insert(self);
    }
    const bool waits_for_start = !start_at.Passed() && start_at.At() < deadline.At();
    co_await query.wakeup().Wait(waits_for_start ? start_at : deadline);
  }
}

bool EngineSupervisor::EndIsolated(const EngineProcess& process) {
  const MutexLock lock(mutex_);
  for (auto& [number, member] : members_) {
    if (member.process.get() != &process || !member.is_isolated) continue;
    member.why_ended = "a query does not end";
    member.process->Kill(EndCause::kReplaced);
    return true;
  }
  return false;
}

void EngineSupervisor::EndIsolatedIfUnused(Member& member) {
  if (!member.is_isolated || isolation_.queued() > 0) return;
  member.why_ended = "no query needs it";
  member.process->Kill(EndCause::kReplaced);
}

}  // namespace tarn::queryd
