#include "queryd/datasets/registrar.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "base/time.h"

namespace tarn::queryd {
namespace {

// Probes that end within this time are applied together.
constexpr auto kMoment = std::chrono::milliseconds(50);

// How often the catalogue is polled while probes are running.
constexpr auto kLookEvery = std::chrono::milliseconds(50);

// The result of a probe that timed out arrives up to this long after its time limit.
constexpr auto kAnswerGrace = std::chrono::seconds(2);

std::shared_ptr<const LiveDataset> ToLiveDataset(const WantedDataset& wanted,
                                                 const protocol::ViewPointer& view) {
  return std::make_shared<const LiveDataset>(LiveDataset{
      .objects = wanted.keys.size(), .rows = wanted.rows, .bytes = wanted.bytes, .view = view});
}

}  // namespace

RefreshResult Registrar::Refresh(Deadline deadline, const std::stop_token& stop) {
  const Clock::time_point start = Clock::now();
  RefreshResult result;
  Result<CatalogRead> read = catalog_.Read(position_, Duration::zero(), deadline, stop);
  if (read.ok()) {
    result.catalog_read = true;
    Take(std::move(*read), result);
    StartProbes(deadline, /*all_failed=*/true, result);
    const bool waits = !has_refreshed_ || !Follows();
    const Deadline last =
        deadline.IsNever() ? deadline : Deadline::After(deadline.Remaining() + kAnswerGrace);
    const auto has_waiting = [this] { return queue_.HasNew() || queue_.HasDue(); };
    ApplyReady(last, result);
    while (waits && !last.Passed() && !stop.stop_requested()) {
      const bool may_start = !deadline.Passed() && has_waiting();
      if (reading_.empty() && !may_start) break;
      PublishStatus(result);
      if (may_start) FillWindow(deadline, result);
      ApplyReady(last, result);
    }
    if (waits && (!reading_.empty() || has_waiting())) {
      result.errors.push_back(fmt::format("datasets still being read when the time was up: {}",
                                          reading_.size() + queue_.unread_count()));
    }
    has_refreshed_ = true;
  } else {
    result.catalog_error = Shortened(read.error().message, protocol::kErrorBytesMax);
    result.errors.push_back(result.catalog_error);
  }
  Finish(start, result);
  return result;
}

RefreshResult Registrar::Follow(Duration wait, Duration timeout, const std::stop_token& stop) {
  RefreshResult result;
  if (IsReading()) wait = std::min<Duration>(wait, queue_.HasNew() ? Duration::zero() : kLookEvery);
  Result<CatalogRead> read = catalog_.Read(position_, wait, Deadline::After(wait + timeout), stop);
  const Clock::time_point start = Clock::now();
  if (read.ok()) {
    result.catalog_read = true;
    Take(std::move(*read), result);
    StartProbes(Deadline::After(timeout), /*all_failed=*/false, result);
  } else {
    result.catalog_error = Shortened(read.error().message, protocol::kErrorBytesMax);
    result.errors.push_back(result.catalog_error);
  }
  if (read.ok() || IsReading()) ApplyReady(Deadline::After(timeout), result);
  Finish(start, result);
  return result;
}

RefreshResult Registrar::Collect(Duration timeout) {
  const Clock::time_point start = Clock::now();
  RefreshResult result;
  StartProbes(Deadline::After(timeout), /*all_failed=*/false, result);
  ApplyReady(Deadline::After(timeout), result);
  Finish(start, result);
  return result;
}

void Registrar::Take(CatalogRead read, RefreshResult& result) {
  if (!read.changed) return;
  if (read.is_whole) {
    TextViewSet listed;
    for (const catalog::Manifest& manifest : read.manifests) listed.insert(manifest.name);
    for (const auto& [name, manifest] : wanted_) {
      if (!listed.contains(name)) read.deleted.push_back(name);
    }
    for (const auto& [name, updated_at] : live_) {
      if (!listed.contains(name)) read.deleted.push_back(name);
    }
  }
  for (const std::string& name : read.deleted) {
    if (wanted_.erase(name) > 0) FreeName(name);
    Forget(name);
    if (live_.contains(name) || IsBroken(name)) to_drop_.insert(name);
  }
  for (const catalog::Manifest& manifest : read.manifests) TakeManifest(manifest, result);
  position_ = std::move(read.position);
  revision_ = read.revision;
}

// Removes a dataset that needs no probe from all lists.
void Registrar::Forget(const std::string& name) {
  dirty_.erase(name);
  failed_.erase(name);
  reading_.erase(name);
  overwritten_.erase(name);
  suspects_.erase(name);
  queue_.Remove(name);
}

void Registrar::TakeManifest(const catalog::Manifest& manifest, RefreshResult& result) {
  result.items += manifest.content.objects.size();
  const std::string& name = manifest.name;
  to_drop_.erase(name);
  const auto live = live_.find(name);
  const bool is_live = live != live_.end() && live->second == manifest.updated_at;
  const auto former = wanted_.find(name);
  const bool is_new = former == wanted_.end();
  const bool is_changed = is_new || former->second.updated_at != manifest.updated_at;
  wanted_.insert_or_assign(name, WantedDataset::Of(manifest));
  if (is_live && !overwritten_.contains(name)) return Forget(name);
  const bool is_first = dirty_.insert(name).second;
  if (!is_changed && !is_first) return;
  // A failure belongs to the former content.
  failed_.erase(name);
  suspects_.erase(name);
  AddToQueue(name);
}

std::vector<std::string> Registrar::Namesakes(const std::string& name) const {
  std::vector<std::string> names;
  auto first = wanted_.lower_bound(name);
  while (first != wanted_.begin() && EqualsIgnoreCase(std::prev(first)->first, name)) --first;
  for (auto it = first; it != wanted_.end() && EqualsIgnoreCase(it->first, name); ++it) {
    names.push_back(it->first);
  }
  return names;
}

const std::string* Registrar::LiveNamesake(const std::string& name) const {
  const auto next = live_.lower_bound(name);
  if (next != live_.end() && EqualsIgnoreCase(next->first, name)) return &next->first;
  if (next == live_.begin() || !EqualsIgnoreCase(std::prev(next)->first, name)) return nullptr;
  return &std::prev(next)->first;
}

std::string Registrar::OldestNamesake(const std::string& name) const {
  const std::vector<std::string> names = Namesakes(name);
  return *std::min_element(names.begin(), names.end(), [this](const auto& a, const auto& b) {
    const auto rank = [this](const std::string& each) {
      return std::pair(wanted_.at(each).created_at, !live_.contains(each));
    };
    return rank(a) < rank(b);
  });
}

void Registrar::FreeName(const std::string& name) {
  for (const std::string& left : Namesakes(name)) {
    failed_.erase(left);
    if (dirty_.contains(left) && !reading_.contains(left) && !suspects_.contains(left)) {
      AddToQueue(left);
    }
  }
}

bool Registrar::IsBroken(const std::string& name) const {
  const auto found = broken_.find(ToLowerAscii(name));
  return found != broken_.end() && found->second.name == name;
}

// Adds error views for datasets without a former view that are being read or cannot be read.
void Registrar::PutBroken(Change& change) const {
  TextSet shown;  // The names that get a view, in lower case.
  for (const protocol::ViewPointer& view : change.put) {
    const std::string lower = ToLowerAscii(view->name);
    shown.insert(lower);
    const auto known = broken_.find(lower);
    if (known != broken_.end() && known->second.name != view->name) {
      change.drop.push_back(known->second.name);
    }
  }
  const auto put = [&](const std::string& name, const std::string& reason, bool is_temporary) {
    const std::string lower = ToLowerAscii(name);
    if (LiveNamesake(name) != nullptr || OldestNamesake(name) != name) return;
    if (!shown.insert(lower).second) return;
    const auto known = broken_.find(lower);
    if (known != broken_.end()) {
      const bool is_shown = known->second.name == name && known->second.reason == reason &&
                            known->second.is_temporary == is_temporary;
      if (is_shown) return;
      if (known->second.name != name) change.drop.push_back(known->second.name);
    }
    change.put_broken.push_back({name, reason, is_temporary});
  };
  for (const std::string& name : to_show_) {
    if (!dirty_.contains(name)) continue;
    const auto failure = failed_.find(name);
    if (failure == failed_.end()) {
      put(name, "", false);
    } else {
      put(name, failure->second.error, failure->second.is_temporary);
    }
  }
}

protocol::ViewPointer Registrar::ToErrorView(const BrokenView& broken) {
  protocol::ViewSpec view{.name = broken.name, .keys = {}, .version = ++last_version_};
  view.error = fmt::format("it is registered, but it cannot be read since {}: {}",
                           FormatRfc3339(failed_.at(broken.name).since), broken.reason);
  view.is_temporary = broken.is_temporary;
  return std::make_shared<const protocol::ViewSpec>(std::move(view));
}

void Registrar::Fail(const std::string& name, const Error& error, RefreshResult& result) {
  Failure& failure = failed_.try_emplace(name, Failure{.since = NowMicros()}).first->second;
  failure.error = Shortened(error.message, protocol::kErrorBytesMax);
  failure.is_temporary = error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kTimeout;
  const Duration pause =
      std::min(pauses_.first * (1 << std::min(failure.tries, 16)), pauses_.longest);
  failure.next_try = Clock::now() + pause;
  ++failure.tries;
  AddToQueueLater(name, failure.next_try);
  result.errors.push_back(fmt::format("create view \"{}\": {}", name, failure.error));
}

void Registrar::ApplyReady(Deadline deadline, RefreshResult& result) {
  Change change;
  change.drop.assign(to_drop_.begin(), to_drop_.end());
  const Deadline moment = Deadline::After(kMoment);
  CollectProbes(moment.At() < deadline.At() ? moment : deadline, change, result);
  PutBroken(change);
  GoLive(change, deadline, result);
}

void Registrar::GoLive(Change& change, Deadline deadline, RefreshResult& result) {
  if (change.put.empty() && change.put_broken.empty() && change.drop.empty() &&
      revision_ == live_revision_) {
    to_show_.clear();
    return;
  }
  ViewChange views{.revision = revision_, .put = change.put, .drop = change.drop};
  for (const BrokenView& broken : change.put_broken) {
    if (broken.reason.empty()) {
      views.pending.push_back(broken.name);
    } else {
      views.put.push_back(ToErrorView(broken));
    }
  }
  const Result<> applied = views_.Apply(views, deadline);
  if (!applied.ok()) {
    // The change is applied even after the deadline, because the probes were expensive.
    result.errors.push_back(fmt::format("change views: {}", applied.error().message));
    for (const protocol::ViewPointer& view : change.put) {
      AddToQueueLater(view->name, Clock::now() + pauses_.first);
    }
    return;
  }
  to_show_.clear();
  live_revision_ = revision_;
  for (const BrokenView& broken : change.put_broken) {
    broken_.insert_or_assign(ToLowerAscii(broken.name), broken);
  }
  const MutexLock lock(mutex_);
  for (const std::string& name : change.drop) {
    if (IsBroken(name)) broken_.erase(ToLowerAscii(name));
    to_drop_.erase(name);
    learned_.erase(name);
    schemas_.Release(name);
    if (live_.erase(name) == 0) continue;
    datasets_.erase(name);
    notes_.erase(name);
    // The name is free for another dataset, which may have an error to be shown.
    for (const std::string& other : Namesakes(name)) to_show_.insert(other);
    ++result.dropped;
  }
  for (const protocol::ViewPointer& each : change.put) {
    const protocol::ViewSpec& view = *each;
    const auto [live, is_new] = live_.insert_or_assign(view.name, wanted_.at(view.name).updated_at);
    datasets_.insert_or_assign(view.name, ToLiveDataset(wanted_.at(view.name), each));
    notes_.erase(view.name);
    if (const auto notes = change.notes.find(view.name); notes != change.notes.end()) {
      for (const std::string& note : notes->second) result.notes.emplace_back(view.name, note);
      notes_.emplace(view.name, notes->second);
    }
    learned_.erase(view.name);
    if (change.learned.contains(view.name)) learned_[view.name].etags = view.etags;
    dirty_.erase(view.name);
    failed_.erase(view.name);
    overwritten_.erase(view.name);
    broken_.erase(ToLowerAscii(view.name));
    ++(is_new ? result.created : result.updated);
  }
}

std::optional<Registrar::Clock::time_point> Registrar::NextTry() const {
  std::optional<Clock::time_point> next = queue_.NextDue();
  // Datasets whose probe ended with its process, and views that could not be dropped.
  if (queue_.HasNew() || !suspects_.empty() || !to_drop_.empty()) {
    const Clock::time_point soon = Clock::now() + pauses_.first;
    if (!next || soon < *next) next = soon;
  }
  return next;
}

void Registrar::Finish(Clock::time_point start, RefreshResult& result) {
  result.took = std::chrono::duration_cast<Duration>(Clock::now() - start);
  PublishStatus(result);
}

void Registrar::PublishStatus(const RefreshResult& result) {
  if (on_status_) on_status_();
  const MutexLock lock(mutex_);
  if (result.catalog_read) {
    status_.read_at = NowMicros();
    status_.error.clear();
  } else if (!result.catalog_error.empty()) {
    status_.error = result.catalog_error;
  }
  status_.revision = live_revision_;
  status_.datasets = live_.size();
  status_.follows = Follows();
  failures_.clear();
  for (const auto& [name, failure] : failed_) {
    failures_.push_back({.name = name,
                         .error = failure.error,
                         .since = failure.since,
                         .tries = failure.tries,
                         .has_former = live_.contains(name)});
  }
  readings_.clear();
  for (const auto& [name, reading] : reading_) {
    readings_.push_back(
        {{.name = name, .since = reading.since, .objects = reading.view.keys.size()},
         reading.probe.objects_read});
  }
  for (const std::string& name : suspects_) {
    readings_.push_back(
        {{.name = name, .since = NowMicros(), .objects = wanted_.at(name).keys.size()}});
  }
}

std::vector<Registrar::LiveDatasets::value_type> Registrar::LiveAfter(
    const std::optional<std::string>& name, size_t count) const {
  std::vector<LiveDatasets::value_type> some;
  const MutexLock lock(mutex_);
  auto next = name ? datasets_.upper_bound(*name) : datasets_.begin();
  for (; next != datasets_.end() && some.size() < count; ++next) some.push_back(*next);
  return some;
}

CatalogStatus Registrar::Status(const StatusRequest& request) const {
  const size_t entries_max = request.entries_max;
  const MutexLock lock(mutex_);
  CatalogStatus status = status_;
  for (const FailedDataset& each : failures_) {
    if (request.is_wanted(each.name)) status.failed.Add(entries_max, [&] { return each; });
  }
  TextViewSet listed;
  for (const ShownReading& each : readings_) {
    listed.insert(each.dataset.name);
    if (!request.is_wanted(each.dataset.name)) continue;
    status.being_read.Add(entries_max, [&] {
      DatasetBeingRead reading = each.dataset;
      if (each.objects_read != nullptr) reading.objects_read = *each.objects_read;
      return reading;
    });
  }
  queue_.VisitUnread([&](const ProbeQueue::Waiting& each) {
    if (listed.contains(each.name) || !request.is_wanted(each.name)) return;
    status.being_read.Add(entries_max, [&]() -> DatasetBeingRead {
      return {.name = each.name, .since = each.since, .objects = each.objects};
    });
  });
  for (const auto& [name, notes] : notes_) {
    if (!request.is_wanted(name)) continue;
    for (const std::string& note : notes) {
      status.notes.Add(entries_max, [&] { return std::pair(name, note); });
    }
  }
  return status;
}

Registrar::LastRead Registrar::GetLastRead() const {
  const MutexLock lock(mutex_);
  return {.at = status_.read_at, .error = status_.error};
}

}  // namespace tarn::queryd
