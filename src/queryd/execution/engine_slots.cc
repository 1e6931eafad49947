// The part of EngineSupervisor that gives out slots, and ends queries that are no longer read.

#include <boost/asio/co_spawn.hpp>

#include "base/check.h"
#include "base/log.h"
#include "queryd/execution/engine_query.h"
#include "queryd/execution/engine_supervisor.h"

namespace tarn::queryd {

namespace asio = boost::asio;

asio::awaitable<Result<EngineProcess::Lease>> EngineSupervisor::TakeSlot(
    Query& query, const EngineProcess* avoid) {
  const std::shared_ptr<Query> self = query.shared_from_this();
  const Deadline deadline = Deadline::After(options_.start_timeout);
  for (;;) {
    {
      const MutexLock lock(mutex_);
      waiting_.erase(self);
      if (query.cancel_reason()) co_return *query.cancel_reason();
      if (stopping_) co_return Unavailable("the server is shutting down");
      Member* member = FindMember(current_);
      if (member != nullptr && (member->process.get() != avoid || !IsStarting())) {
        if (auto lease = member->process->TakeSlot()) {
          member->queries[lease->slot().index] = {lease->slot().query + 1, self};
          co_return std::move(*lease);
        }
      }
      if (deadline.Passed()) co_return Unavailable("no engine is ready, try again later");
      waiting_.insert(self);
    }
    co_await query.wakeup().Wait(deadline);
  }
}

void EngineSupervisor::WakeWaiting() {
  for (const auto& query : waiting_) query->wakeup().Wake();
}

void EngineSupervisor::OnProgress(uint64_t number, const protocol::Progress& progress) {
  std::shared_ptr<Query> query;
  {
    const MutexLock lock(mutex_);
    const Member* member = FindMember(number);
    // A late message may be about the former query of the slot.
    if (member != nullptr && progress.slot < member->queries.size() &&
        member->queries[progress.slot].first == progress.query) {
      query = member->queries[progress.slot].second.lock();
    }
  }
  if (query != nullptr) query->SetProgress(std::clamp(progress.permille, 0, 1000) / 10.0);
}

void EngineSupervisor::OnCached(uint64_t number, const protocol::Cached& cached) {
  const MutexLock lock(mutex_);
  if (Member* member = FindMember(number)) member->cached_bytes = cached.data_bytes;
}

void EngineSupervisor::Abandon(EngineProcess::Lease lease, Admission::Permit permit,
                               std::shared_ptr<Query> query, OnLost on_lost) {
  const asio::any_io_executor executor = query->executor();
  std::shared_ptr<void> hold;
  {
    const MutexLock lock(mutex_);
    hold = Hold();
  }
  asio::co_spawn(executor,
                 Drain(std::move(lease), std::move(permit), std::move(query), std::move(on_lost)),
                 [hold = std::move(hold)](const std::exception_ptr& error) {
                   if (error) log::Error("ending a query failed");
                 });
}

asio::awaitable<void> EngineSupervisor::Drain(EngineProcess::Lease lease, Admission::Permit permit,
                                              std::shared_ptr<Query> query, OnLost on_lost) {
  EngineProcess::Slot& slot = lease.slot();
  lease.process().Send(
      protocol::ToFrame(protocol::Cancel{.slot = slot.index, .query = slot.query}));
  // Shared with the handler of the timer, which may run after the end of this coroutine.
  struct State {
    Admission::Permit permit;
    bool stuck = false;
    bool over = false;
  };
  const auto state = std::make_shared<State>();
  state->permit = std::move(permit);
  asio::steady_timer grace(query->executor(), options_.cancel_grace);
  grace.async_wait([this, state, query,
                    process = lease.process().shared_from_this()](boost::system::error_code code) {
    if (code || state->over) return;
    state->permit.Release();
    log::Warn("a query does not end, replacing its engine",
              {{"query_id", query->id()}, {"pid", int64_t{process->pid()}}});
    if (EndIsolated(*process)) return;
    state->stuck = true;
    MarkStuck(process.get(), true);
    ReplaceIfCurrent(*process, "a query does not end");
  });
  bool ended = false;
  bool broken = false;
  EndCause fault = EndCause::kNone;
  if (!slot.unsent.empty()) {
    const bool sent = co_await SendUnsent(slot);
    broken = !sent;
  }
  while (!broken && !ended) {
    const Result<std::optional<protocol::Frame>> frame = co_await ReadFrame(slot);
    broken = !frame.ok() || !*frame;
    ended = !broken && IsLastFrame(**frame);
    if (ended) fault = CauseIn(**frame);
    if (!frame.ok()) OnProtocolError(lease.process(), frame.error().message);
  }
  if (ended && !slot.reader.empty()) {
    OnProtocolError(lease.process(), "more bytes follow the end of a query");
    ended = false;
  }
  state->over = true;
  state->permit.Release();
  if (state->stuck) MarkStuck(&lease.process(), false);
  if (ended) {
    if (fault == EndCause::kExhausted) ReplaceExhausted(lease.process());
    if (fault != EndCause::kNone && on_lost != nullptr) on_lost(*query, lease.process(), fault);
    lease.Release();
    co_return;
  }
  lease.process().Kill();
  if (on_lost == nullptr) co_return;
  const EndCause cause = co_await lease.process().WaitForEndCause();
  on_lost(*query, lease.process(), cause);
}

void EngineSupervisor::MarkStuck(const EngineProcess* process, bool stuck) {
  const MutexLock lock(mutex_);
  for (auto& [number, member] : members_) {
    if (member.process.get() != process) continue;
    TARN_ASSERT(stuck || member.stuck > 0, "a query ended that was not stuck");
    member.stuck += stuck ? 1 : -1;
    if (stuck) EndIfDrained(member);
  }
}

}  // namespace tarn::queryd
