#include "queryd/datasets/probe_queue.h"

namespace tarn::queryd {

void ProbeQueue::Add(Dataset dataset) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(dataset.name);
  if (found != entries_.end() && !found->second->due &&
      found->second->dataset.owner == dataset.owner) {
    found->second->dataset.objects = dataset.objects;  // The entry keeps its place.
    return;
  }
  Put(std::make_shared<Entry>(Entry{.dataset = std::move(dataset), .since = NowMicros()}));
}

void ProbeQueue::AddLater(Dataset dataset, Clock::time_point due, bool has_failed) {
  const MutexLock lock(mutex_);
  Put(std::make_shared<Entry>(Entry{
      .dataset = std::move(dataset), .since = NowMicros(), .due = due, .has_failed = has_failed}));
}

void ProbeQueue::Put(EntryPointer entry) {
  const Dataset& dataset = entry->dataset;
  Erase(dataset.name);
  if (entry->due) {
    later_.emplace(*entry->due, dataset.name);
  } else {
    new_.Push(dataset.owner, entry);
    ++new_count_;
  }
  failed_count_ += entry->has_failed ? 1 : 0;
  entries_.emplace(dataset.name, std::move(entry));
}

void ProbeQueue::Remove(const std::string& name) {
  const MutexLock lock(mutex_);
  Erase(name);
}

void ProbeQueue::Erase(const std::string& name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  const EntryPointer entry = std::move(found->second);
  entries_.erase(found);
  if (!entry->due) {
    --new_count_;
  } else if (entry->is_due) {
    --due_count_;
  } else {
    later_.erase({*entry->due, name});
  }
  failed_count_ -= entry->has_failed ? 1 : 0;
  entry->is_removed = true;
}

bool ProbeQueue::Contains(const std::string& name) const {
  const MutexLock lock(mutex_);
  return entries_.contains(name);
}

void ProbeQueue::Hurry(const std::string& name) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end() || found->second->due || found->second->is_hurried) return;
  found->second->is_hurried = true;
  hurried_.Push(found->second->dataset.owner, found->second);
}

void ProbeQueue::MakeAllDue() {
  const MutexLock lock(mutex_);
  MoveDue(Clock::time_point::max());
}

void ProbeQueue::MoveDue(Clock::time_point until) {
  while (!later_.empty() && later_.begin()->first <= until) {
    const EntryPointer& entry = entries_.at(later_.begin()->second);
    later_.erase(later_.begin());
    entry->is_due = true;
    due_.Push(entry->dataset.owner, entry);
    ++due_count_;
  }
}

std::optional<std::string> ProbeQueue::TakeFrom(OwnerTurns<EntryPointer>& turns,
                                                const MayTake& may_take) {
  while (const std::optional<EntryPointer> entry = turns.PopIf(may_take)) {
    if ((*entry)->is_removed) continue;
    std::string name = (*entry)->dataset.name;
    Erase(name);
    return name;
  }
  return std::nullopt;
}

std::optional<std::string> ProbeQueue::TakeHurried(const MayTake& may_take) {
  const MutexLock lock(mutex_);
  return TakeFrom(hurried_, may_take);
}

std::optional<std::string> ProbeQueue::TakeNew(const MayTake& may_take) {
  const MutexLock lock(mutex_);
  return TakeFrom(new_, may_take);
}

std::optional<std::string> ProbeQueue::TakeDue(const MayTake& may_take) {
  const MutexLock lock(mutex_);
  MoveDue(Clock::now());
  return TakeFrom(due_, may_take);
}

bool ProbeQueue::HasNew() const {
  const MutexLock lock(mutex_);
  return new_count_ > 0;
}

bool ProbeQueue::HasDue() {
  const MutexLock lock(mutex_);
  MoveDue(Clock::now());
  return due_count_ > 0;
}

std::optional<ProbeQueue::Clock::time_point> ProbeQueue::NextDue() const {
  const MutexLock lock(mutex_);
  if (due_count_ > 0) return Clock::now();
  if (later_.empty()) return std::nullopt;
  return later_.begin()->first;
}

void ProbeQueue::VisitUnread(const std::function<void(const Waiting&)>& visit) const {
  const MutexLock lock(mutex_);
  for (const auto& [name, entry] : entries_) {
    if (entry->has_failed) continue;
    visit({.name = name, .since = entry->since, .objects = entry->dataset.objects});
  }
}

size_t ProbeQueue::unread_count() const {
  const MutexLock lock(mutex_);
  return entries_.size() - failed_count_;
}

}  // namespace tarn::queryd
