// The part of EngineSupervisor that asks processes to read datasets and to change views.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "base/text.h"
#include "queryd/execution/engine_supervisor.h"

namespace tarn::queryd {
namespace {

// The ticket of changes that are sent to a starting process. Their answers are ignored.
constexpr uint64_t kNoTicket = 0;

// The answer to a change arrives up to this long after its deadline.
constexpr auto kViewsGrace = std::chrono::seconds(2);

// The frame of a change.
std::string ToChangeFrame(const ViewChange& change, uint64_t ticket) {
  return protocol::ToFrame(protocol::ApplyViews{.ticket = ticket,
                                                .revision = change.revision,
                                                .put = {},
                                                .drop = change.drop,
                                                .pending = change.pending},
                           change.put);
}

}  // namespace

PendingProbe EngineSupervisor::Expect(uint64_t ticket, std::string dataset) {
  Asked asked{.member = current_,
              .dataset = std::move(dataset),
              .objects_read = std::make_shared<std::atomic<uint64_t>>(),
              .suspect = std::make_shared<std::atomic<uint64_t>>(PendingProbe::kNoObject),
              .exceeded_memory = std::make_shared<std::atomic<bool>>(false)};
  PendingProbe pending{.answer = asked.answer.get_future(),
                       .objects_read = asked.objects_read,
                       .suspect = asked.suspect,
                       .exceeded_memory = asked.exceeded_memory};
  asked_.emplace(ticket, std::move(asked));
  return pending;
}

PendingProbe EngineSupervisor::Ask(protocol::Probe probe) {
  probe.ticket = ++last_ticket_;
  PendingProbe pending = Expect(probe.ticket, probe.view.name);
  members_.at(current_).process->Send(protocol::ToFrame(probe));
  return pending;
}

std::future<Result<EngineSupervisor::Schema>> EngineSupervisor::Ask(const ViewChange& change) {
  const uint64_t ticket = ++last_ticket_;
  PendingProbe pending = Expect(ticket, "");
  members_.at(current_).process->Send(ToChangeFrame(change, ticket));
  return std::move(pending.answer);
}

void EngineSupervisor::Answered(uint64_t ticket, Result<Schema> outcome) {
  std::promise<Result<Schema>> answer;
  {
    const MutexLock lock(mutex_);
    const auto found = asked_.find(ticket);
    if (found == asked_.end()) return;
    answer = std::move(found->second.answer);
    const uint64_t number = found->second.member;
    asked_.erase(found);
    if (Member* member = FindMember(number)) EndIfDrained(*member);
  }
  answer.set_value(std::move(outcome));
}

void EngineSupervisor::OnProbed(const protocol::Probed& probed) {
  Answered(probed.ticket, probed.ok ? Result<Schema>(probed.schema)
                                    : Error{static_cast<ErrorKind>(probed.error_kind),
                                            Shortened(probed.error, protocol::kErrorBytesMax)});
}

void EngineSupervisor::OnProbeProgress(const protocol::ProbeProgress& progress) {
  const MutexLock lock(mutex_);
  const auto found = asked_.find(progress.ticket);
  if (found != asked_.end()) *found->second.objects_read = progress.objects_read;
}

void EngineSupervisor::OnDecoding(const protocol::Decoding& decoding) {
  const MutexLock lock(mutex_);
  const auto found = asked_.find(decoding.ticket);
  if (found == asked_.end()) return;
  std::set<uint64_t>& objects = found->second.decoding;
  if (decoding.has_ended) {
    objects.erase(decoding.object);
  } else if (objects.size() < options_.setup.probes_max) {
    objects.insert(decoding.object);
  }
}

void EngineSupervisor::Hurry(const std::string& dataset) {
  const MutexLock lock(mutex_);
  Member* member = FindMember(current_);
  if (member == nullptr) return;
  // The name comes from a process that runs queries, which is not trusted.
  const bool is_probed =
      std::any_of(asked_.begin(), asked_.end(), [&](const auto& asked) TARN_REQUIRES(mutex_) {
        return asked.second.member == current_ && EqualsIgnoreCase(asked.second.dataset, dataset);
      });
  if (is_probed) {
    member->process->SendOrDrop(protocol::ToFrame(protocol::Hurry{.dataset = dataset}));
  }
}

bool EngineSupervisor::IsProbing() const {
  const MutexLock lock(mutex_);
  return !asked_.empty();
}

std::vector<PendingProbe> EngineSupervisor::Probe(const std::vector<ProbeRequest>& requests,
                                                  Deadline deadline) {
  std::vector<PendingProbe> pending;
  MutexLock lock(mutex_);
  const bool can_ask = changed_.wait_until(lock, deadline.At(), [this]() TARN_REQUIRES(mutex_) {
    return current_ != 0 || stopping_;
  }) && !stopping_;
  for (const ProbeRequest& request : requests) {
    if (can_ask) {
      const auto timeout =
          std::chrono::duration_cast<std::chrono::milliseconds>(request.object_timeout);
      pending.push_back(Ask(protocol::Probe{.view = request.view,
                                            .owner = request.owner,
                                            .object_timeout_ms = timeout.count(),
                                            .is_retry = request.is_retry,
                                            .is_first = request.is_first,
                                            .only_etags = request.only_etags}));
    } else {
      std::promise<Result<Schema>> refused;
      refused.set_value(Unavailable("no engine is ready"));
      pending.push_back({refused.get_future(), std::make_shared<std::atomic<uint64_t>>()});
    }
  }
  return pending;
}

void EngineSupervisor::Remember(const ViewChange& change) {
  known_.Take(change);
  ++views_changed_;
}

// The set-up of a starting process has the former views.
void EngineSupervisor::SendToNext(const ViewChange& change) {
  if (Member* member = FindMember(next_)) {
    ++member->changes_sent;
    Learn(*member, change.put);
    member->process->Send(ToChangeFrame(change, kNoTicket));
  }
}

void EngineSupervisor::Learn(Member& member,
                             const std::vector<protocol::ViewPointer>& views) const {
  if (!options_.setup.cache_objects) return;
  for (const protocol::ViewPointer& view : views) member.objects.Add(*view);
}

// Returns true if the process may have cached a former version of an object of the change.
bool EngineSupervisor::IsOverwritten(const Member& member, const ViewChange& change) {
  return std::any_of(change.put.begin(), change.put.end(),
                     [&member](const auto& view) { return member.objects.IsOverwrittenIn(*view); });
}

Result<> EngineSupervisor::StartAfresh(MutexLock& lock, Deadline deadline) {
  const uint64_t former = current_;
  // A process that is already starting has read nothing yet.
  TARN_CHECK_OK(StartProcess("objects may have been overwritten"));
  changed_.wait_until(lock, deadline.At(), [&]() TARN_REQUIRES(mutex_) {
    return stopping_ || current_ != former || !IsStarting();
  });
  if (current_ != former) return {};
  return Unavailable("no engine that reads the objects again has taken over");
}

Result<> EngineSupervisor::Apply(const ViewChange& change, Deadline deadline) {
  std::future<Result<Schema>> answer;
  {
    MutexLock lock(mutex_);
    if (stopping_) return Unavailable("no engine is ready");
    Remember(change);
    SendToNext(change);
    Member* member = FindMember(current_);
    // The next process gets the change in its set-up.
    if (member == nullptr) return {};
    if (IsOverwritten(*member, change)) return StartAfresh(lock, deadline);
    Learn(*member, change.put);
    answer = Ask(change);
  }
  // The process reads no objects for the change. If it ends before it answers, the next process has
  // the change in its set-up.
  const auto until = deadline.IsNever() ? deadline.At() : deadline.At() + kViewsGrace;
  if (answer.wait_until(until) != std::future_status::ready) {
    log::Warn("the engine has not confirmed a change of views");
  }
  return {};
}

std::future<Result<EngineSupervisor::Schema>> EngineSupervisor::Take(const ViewChange& change) {
  const MutexLock lock(mutex_);
  Remember(change);
  SendToNext(change);
  Member* member = FindMember(current_);
  if (member == nullptr) return {};
  if (IsOverwritten(*member, change)) {
    if (const Result<> started = StartProcess("objects may have been overwritten"); !started.ok()) {
      log::Error("the engine cannot be replaced", {{"error", started.error().message}});
    }
    return {};
  }
  Learn(*member, change.put);
  return Ask(change);
}

std::optional<uint64_t> EngineSupervisor::RevisionWith(
    const std::vector<DatasetRead>& reads) const {
  const MutexLock lock(mutex_);
  for (const DatasetRead& read : reads) {
    const protocol::ViewSpec* const view = known_.Find(read.name);
    if (view == nullptr || view->version != read.version) return std::nullopt;
  }
  return known_.revision();
}

void EngineSupervisor::OnApplied(uint64_t number, const protocol::ViewsApplied& applied) {
  if (applied.ticket != kNoTicket) return Answered(applied.ticket, Schema());
  const MutexLock lock(mutex_);
  Member* member = FindMember(number);
  if (member == nullptr || stopping_) return;
  if (member->changes_sent > 0) --member->changes_sent;
  TakeOver(*member);
}

}  // namespace tarn::queryd
