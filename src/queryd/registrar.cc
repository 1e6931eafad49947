#include "queryd/registrar.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"

namespace tarn::queryd {
namespace {

// Probes that end within this time are applied together.
constexpr auto kMoment = std::chrono::milliseconds(50);

// How often the catalogue is polled while probes are running.
constexpr auto kLookEvery = std::chrono::milliseconds(50);

// The result of a probe that timed out arrives up to this long after its time limit.
constexpr auto kAnswerGrace = std::chrono::seconds(2);

// The time limit of an object if the refresh has none.
constexpr auto kLongestRead = std::chrono::hours(1);

// The most bytes of a key in an error. The error must say what to do as well.
constexpr size_t kShownKeyBytesMax = 500;

protocol::ViewSpec ToViewSpec(const catalog::Manifest& manifest, uint64_t version) {
  protocol::ViewSpec view{.name = manifest.name, .keys = {}, .version = version};
  bool has_etags = false;
  for (const catalog::ObjectRef& object : manifest.content.objects) {
    view.keys.push_back(object.key);
    has_etags = has_etags || object.etag;
  }
  if (!has_etags) return view;
  for (const catalog::ObjectRef& object : manifest.content.objects) {
    view.etags.push_back(object.etag.value_or(""));
  }
  return view;
}

std::shared_ptr<const LiveDataset> ToLiveDataset(const catalog::DatasetContent& content,
                                                 const protocol::DatasetSchema& schema) {
  LiveDataset live{.objects = content.objects.size(),
                   .rows = content.row_count,
                   .bytes = 0,
                   .columns = schema.columns,
                   .notes = schema.notes};
  for (const catalog::ObjectRef& object : content.objects) {
    if (!object.size_bytes) {
      live.bytes.reset();
      break;
    }
    *live.bytes += *object.size_bytes;
  }
  return std::make_shared<const LiveDataset>(std::move(live));
}

UnixMicros Now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

}  // namespace

// A change of the views.
struct Registrar::Change {
  std::vector<std::string> drop = {};
  std::vector<protocol::ViewSpec> put = {};  // Datasets whose probes succeeded.
  std::vector<BrokenView> put_broken = {};
  std::set<std::string> learned = {};  // Of `put`: their ETags come from the probe.
};

RefreshResult Registrar::Refresh(Deadline deadline, const std::stop_token& stop) {
  const Clock::time_point start = Clock::now();
  RefreshResult result;
  Result<CatalogRead> read = catalog_.Read(position_, Duration::zero(), deadline, stop);
  if (read.ok()) {
    result.catalog_read = true;
    Take(std::move(*read));
    StartProbes(deadline, /*all_failed=*/true, result);
    const bool waits = !has_refreshed_ || !Follows();
    const Deadline last =
        deadline.IsNever() ? deadline : Deadline::After(deadline.Remaining() + kAnswerGrace);
    do {
      ApplyReady(last, result);
      PublishStatus(result);
    } while (waits && !reading_.empty() && !last.Passed() && !stop.stop_requested());
    if (waits && !reading_.empty()) {
      result.errors.push_back(
          fmt::format("datasets still being read when the time was up: {}", reading_.size()));
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
  if (IsReading()) wait = std::min<Duration>(wait, kLookEvery);
  Result<CatalogRead> read = catalog_.Read(position_, wait, Deadline::After(wait + timeout), stop);
  const Clock::time_point start = Clock::now();
  if (read.ok()) {
    result.catalog_read = true;
    Take(std::move(*read));
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

void Registrar::Take(CatalogRead read) {
  if (!read.changed) return;
  if (read.is_whole) {
    std::unordered_set<std::string_view> listed;
    for (const catalog::Manifest& manifest : read.manifests) listed.insert(manifest.name);
    for (const auto& [name, manifest] : wanted_) {
      if (!listed.contains(name)) read.deleted.push_back(name);
    }
    for (const auto& [name, updated_at] : live_) {
      if (!listed.contains(name)) read.deleted.push_back(name);
    }
  }
  for (const std::string& name : read.deleted) {
    if (wanted_.erase(name) > 0) RemoveNamesake(name);
    failed_.erase(name);
    reading_.erase(name);
    overwritten_.erase(name);
    suspects_.erase(name);
    if (live_.contains(name) || IsBroken(name)) {
      dirty_.insert(name);
    } else {
      dirty_.erase(name);
    }
  }
  for (catalog::Manifest& manifest : read.manifests) {
    const std::string name = manifest.name;
    const auto live = live_.find(name);
    if (live != live_.end() && live->second == manifest.updated_at &&
        !overwritten_.contains(name)) {
      dirty_.erase(name);
      failed_.erase(name);
      reading_.erase(name);
    } else {
      dirty_.insert(name);
      // What is another thing now has not failed yet.
      const auto former = wanted_.find(name);
      if (former != wanted_.end() && former->second.updated_at != manifest.updated_at) {
        failed_.erase(name);
      }
    }
    if (wanted_.insert_or_assign(name, std::move(manifest)).second) AddNamesake(name);
  }
  position_ = std::move(read.position);
  revision_ = read.revision;
}

std::vector<std::string> Registrar::NamesToRead(bool all_failed) const {
  std::vector<std::string> names;
  const Clock::time_point now = Clock::now();
  for (const std::string& name : dirty_) {
    const auto wanted = wanted_.find(name);
    if (wanted == wanted_.end()) continue;
    const auto reading = reading_.find(name);
    if (reading != reading_.end() && reading->second.updated_at == wanted->second.updated_at) {
      continue;
    }
    const auto failure = failed_.find(name);
    if (failure == failed_.end() || all_failed || failure->second.next_try <= now) {
      names.push_back(name);
    }
  }
  // New datasets come first.
  std::stable_partition(names.begin(), names.end(),
                        [this](const std::string& name) { return !failed_.contains(name); });
  return names;
}

void Registrar::CheckForOverwrites(const std::set<std::string>& names, uint64_t objects_max,
                                   Deadline deadline) {
  std::vector<std::string> waiting = std::exchange(to_check_, {});
  std::unordered_set<std::string> known(waiting.begin(), waiting.end());
  for (const std::string& name : names) {
    if (known.insert(name).second) waiting.push_back(name);
  }
  std::vector<ProbeRequest> requests;
  for (std::string& name : waiting) {
    const auto learned = learned_.find(name);
    if (learned == learned_.end() || dirty_.contains(name) || checks_.contains(name)) continue;
    if (objects_max == 0) {
      to_check_.push_back(std::move(name));
      continue;
    }
    const auto wanted = wanted_.find(name);
    if (wanted == wanted_.end()) continue;
    const auto& objects = wanted->second.content.objects;
    Learned& etags = learned->second;
    ProbeRequest request{.view = {.name = name, .keys = {}},
                         .object_timeout = deadline.Remaining(),
                         .is_retry = true,
                         .only_etags = true};
    const uint64_t count = std::min<uint64_t>(objects.size(), objects_max);
    for (uint64_t i = 0; i < count; ++i, ++etags.next) {
      const size_t object = etags.next % objects.size();
      if (etags.etags[object].empty()) continue;  // Read by DuckDB, which tells no ETag.
      request.view.keys.push_back(objects[object].key);
      request.view.etags.push_back(etags.etags[object]);
    }
    objects_max -= count;
    if (!request.view.keys.empty()) requests.push_back(std::move(request));
  }
  if (requests.empty()) return;
  std::vector<PendingProbe> probes = views_.Probe(requests, deadline);
  for (size_t i = 0; i < requests.size(); ++i) {
    checks_.emplace(requests[i].view.name, std::move(probes[i]));
  }
}

// Ignores other errors: queries of the dataset report them.
void Registrar::TakeChecks(RefreshResult& result) {
  for (auto it = checks_.begin(); it != checks_.end();) {
    if (it->second.answer.wait_for(Duration::zero()) != std::future_status::ready) {
      ++it;
      continue;
    }
    const Result<ViewTarget::Schema> outcome = it->second.answer.get();
    const bool is_overwritten = !outcome.ok() && outcome.error().kind == ErrorKind::kPrecondition;
    if (is_overwritten && live_.contains(it->first) && !dirty_.contains(it->first)) {
      dirty_.insert(it->first);
      overwritten_.insert(it->first);
      result.overwritten.push_back(it->first);
    }
    it = checks_.erase(it);
  }
}

void Registrar::StartProbes(Deadline deadline, bool all_failed, RefreshResult& result) {
  TakeChecks(result);
  size_t to_put = 0;
  for (const std::string& name : dirty_) to_put += wanted_.contains(name) ? 1 : 0;
  result.skipped = wanted_.size() - to_put;
  std::vector<ProbeRequest> requests;
  bool reads_suspect = std::any_of(reading_.begin(), reading_.end(),
                                   [](const auto& each) { return each.second.is_alone; });
  for (const std::string& name : NamesToRead(all_failed)) {
    // Even if the oldest cannot be read: another dataset must not take its name over.
    if (const std::string& oldest = OldestNamesake(name); oldest != name) {
      Fail(name,
           fmt::format("the older dataset \"{}\" differs from it in upper and lower case only, "
                       "which SQL does not tell apart",
                       oldest),
           result);
      continue;
    }
    if (const std::string* error = crashed_.Find(wanted_.at(name))) {
      Fail(name, *error, result);
      continue;
    }
    const bool is_alone = suspects_.contains(name);
    if (is_alone && std::exchange(reads_suspect, true)) continue;
    // A retry gets half of the time, so that an object that does not answer delays others less.
    const bool is_retry = failed_.contains(name);
    const Duration left = deadline.IsNever()
                              ? kLongestRead
                              : std::chrono::duration_cast<Duration>(deadline.Remaining());
    requests.push_back({.view = ToViewSpec(wanted_.at(name), ++last_version_),
                        .object_timeout = is_retry ? left / 2 : left,
                        .is_retry = is_retry,
                        .is_alone = is_alone});
  }
  if (requests.empty()) return;
  // At the start the engine gets all names before it is busy with the probes, so that queries of
  // these datasets wait in place of failing.
  if (!has_refreshed_) {
    Change change;
    for (const ProbeRequest& request : requests)
      change.put_broken.push_back({request.view.name, ""});
    GoLive(change, deadline, result);
  }
  std::vector<PendingProbe> probes = views_.Probe(requests, deadline);
  for (size_t i = 0; i < requests.size(); ++i) {
    protocol::ViewSpec& view = requests[i].view;
    const std::string name = view.name;
    reading_.insert_or_assign(name, Reading{.view = std::move(view),
                                            .probe = std::move(probes[i]),
                                            .updated_at = wanted_.at(name).updated_at,
                                            .since = Now(),
                                            .is_alone = requests[i].is_alone});
  }
}

void Registrar::CollectProbes(Deadline until, Change& change, RefreshResult& result) {
  for (const auto& [name, reading] : reading_) {
    if (reading.probe.answer.wait_until(until.At()) != std::future_status::ready) break;
  }
  if (reading_.empty() && !checks_.empty()) checks_.begin()->second.answer.wait_until(until.At());
  for (auto it = reading_.begin(); it != reading_.end();) {
    Reading& reading = it->second;
    if (reading.probe.answer.wait_for(Duration::zero()) != std::future_status::ready) {
      ++it;
      continue;
    }
    Result<ViewTarget::Schema> outcome = reading.probe.answer.get();
    const auto wanted = wanted_.find(it->first);
    // An older dataset of this name may have come meanwhile.
    if (wanted == wanted_.end() || wanted->second.updated_at != reading.updated_at ||
        OldestNamesake(it->first) != it->first) {
      it = reading_.erase(it);
      continue;
    }
    const bool is_lost = !outcome.ok() && outcome.error().kind == ErrorKind::kCancelled;
    if (!is_lost) suspects_.erase(it->first);
    if (outcome.ok()) {
      protocol::ViewSpec& view = reading.view;
      const auto owner = owners_.find(ToLowerAscii(view.name));
      if (owner != owners_.end() && owner->second != view.name && wanted_.contains(owner->second)) {
        change.drop.push_back(owner->second);
        dirty_.insert(owner->second);
      }
      view.schema = std::move(*outcome);
      // The catalogue need not have them.
      std::vector<std::string> etags = std::move(view.schema.etags);
      view.schema.etags.clear();
      if (view.etags.empty() && !etags.empty()) {
        view.etags = std::move(etags);
        change.learned.insert(view.name);
      }
      change.put.push_back(std::move(view));
    } else if (is_lost) {
      TakeLost(reading, result);
    } else {
      Fail(it->first, outcome.error().message, result);
    }
    it = reading_.erase(it);
  }
}

const std::string& Registrar::OldestNamesake(const std::string& name) const {
  const std::set<std::string>& names = namesakes_.at(ToLowerAscii(name));
  return *std::min_element(names.begin(), names.end(), [this](const auto& a, const auto& b) {
    const auto rank = [this](const std::string& each) {
      return std::pair(wanted_.at(each).created_at, !live_.contains(each));
    };
    return rank(a) < rank(b);
  });
}

void Registrar::AddNamesake(const std::string& name) {
  namesakes_[ToLowerAscii(name)].insert(name);
}

void Registrar::RemoveNamesake(const std::string& name) {
  const auto found = namesakes_.find(ToLowerAscii(name));
  found->second.erase(name);
  for (const std::string& left : found->second) failed_.erase(left);
  if (found->second.empty()) namesakes_.erase(found);
}

void Registrar::TakeLost(const Reading& reading, RefreshResult& result) {
  const uint64_t object = reading.probe.suspect_object();
  if (object >= reading.view.keys.size()) return;
  const std::string& name = reading.view.name;
  const std::string& key = reading.view.keys[object];
  if (!reading.is_alone) {
    log::Warn("a probe process ended, reading the dataset alone",
              {{"dataset", name}, {"key", key}});
    suspects_.insert(name);
    return;
  }
  suspects_.erase(name);
  const std::string error = fmt::format(
      "object \"{}\": DuckDB ended its process twice when it read the footer. The dataset is not "
      "read again until it changes: write the object again under another key",
      Shortened(key, kShownKeyBytesMax));
  log::Error("a dataset ended its probe process twice", {{"dataset", name}, {"key", key}});
  crashed_.Add(wanted_.at(name), error);
  Fail(name, error, result);
}

bool Registrar::IsBroken(const std::string& name) const {
  const auto found = broken_.find(ToLowerAscii(name));
  return found != broken_.end() && found->second.name == name;
}

// Adds error views for datasets without a former view that are being read or cannot be read.
void Registrar::PutBroken(Change& change) const {
  std::unordered_set<std::string> shown;  // In lower case: what gets a view.
  for (const protocol::ViewSpec& view : change.put) {
    const std::string lower = ToLowerAscii(view.name);
    shown.insert(lower);
    const auto known = broken_.find(lower);
    if (known != broken_.end() && known->second.name != view.name) {
      change.drop.push_back(known->second.name);
    }
  }
  const auto put = [&](const std::string& name, const std::string& reason) {
    const std::string lower = ToLowerAscii(name);
    if (owners_.contains(lower) || OldestNamesake(name) != name) return;
    if (!shown.insert(lower).second) return;
    const auto known = broken_.find(lower);
    if (known != broken_.end()) {
      if (known->second.name == name && known->second.reason == reason) return;
      if (known->second.name != name) change.drop.push_back(known->second.name);
    }
    change.put_broken.push_back({name, reason});
  };
  for (const auto& [name, reading] : reading_) {
    const auto failure = failed_.find(name);
    put(name, failure == failed_.end() ? "" : failure->second.error);
  }
  for (const auto& [name, failure] : failed_) put(name, failure.error);
}

protocol::ViewSpec Registrar::ToErrorView(const BrokenView& broken) {
  protocol::ViewSpec view{.name = broken.name, .keys = {}, .version = ++last_version_};
  view.is_pending = broken.reason.empty();
  view.error = view.is_pending
                   ? "it is registered, and its objects are still being read: try again"
                   : fmt::format("it is registered, but it cannot be read since {}: {}",
                                 FormatRfc3339(failed_.at(broken.name).since), broken.reason);
  return view;
}

void Registrar::Fail(const std::string& name, const std::string& error, RefreshResult& result) {
  Failure& failure = failed_.try_emplace(name, Failure{.since = Now()}).first->second;
  failure.error = Shortened(error, protocol::kErrorBytesMax);
  const Duration pause =
      std::min(pauses_.first * (1 << std::min(failure.tries, 16)), pauses_.longest);
  failure.next_try = Clock::now() + pause;
  ++failure.tries;
  result.errors.push_back(fmt::format("create view \"{}\": {}", name, failure.error));
}

void Registrar::ApplyReady(Deadline deadline, RefreshResult& result) {
  Change change;
  for (const std::string& name : dirty_) {
    if (!wanted_.contains(name)) change.drop.push_back(name);
  }
  const Deadline moment = Deadline::After(kMoment);
  CollectProbes(moment.At() < deadline.At() ? moment : deadline, change, result);
  PutBroken(change);
  GoLive(change, deadline, result);
}

void Registrar::GoLive(Change& change, Deadline deadline, RefreshResult& result) {
  if (change.put.empty() && change.put_broken.empty() && change.drop.empty() &&
      revision_ == live_revision_) {
    return;
  }
  std::vector<protocol::ViewSpec> put = change.put;
  for (const BrokenView& broken : change.put_broken) put.push_back(ToErrorView(broken));
  const Result<> applied =
      views_.Apply({.revision = revision_, .put = std::move(put), .drop = change.drop}, deadline);
  if (!applied.ok()) {
    // Also after its time: what was probed is worth it, and the engine answers or has ended.
    result.errors.push_back(fmt::format("change views: {}", applied.error().message));
    return;
  }
  live_revision_ = revision_;
  for (const BrokenView& broken : change.put_broken) {
    broken_.insert_or_assign(ToLowerAscii(broken.name), broken);
  }
  const std::lock_guard lock(mutex_);
  for (const std::string& name : change.drop) {
    if (IsBroken(name)) broken_.erase(ToLowerAscii(name));
    if (!wanted_.contains(name)) dirty_.erase(name);
    learned_.erase(name);
    if (live_.erase(name) == 0) continue;
    datasets_.erase(name);
    const auto owner = owners_.find(ToLowerAscii(name));
    if (owner != owners_.end() && owner->second == name) owners_.erase(owner);
    ++result.dropped;
  }
  for (const protocol::ViewSpec& view : change.put) {
    const auto [live, is_new] = live_.insert_or_assign(view.name, wanted_.at(view.name).updated_at);
    owners_.insert_or_assign(ToLowerAscii(view.name), view.name);
    datasets_.insert_or_assign(view.name,
                               ToLiveDataset(wanted_.at(view.name).content, view.schema));
    for (const std::string& note : view.schema.notes) {
      result.notes.emplace_back(view.name, note);
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
  std::optional<Clock::time_point> next;
  for (const auto& [name, failure] : failed_) {
    if (reading_.contains(name)) continue;
    if (!next || failure.next_try < *next) next = failure.next_try;
  }
  // Datasets whose probe was lost with its engine, or whose change could not be applied.
  for (const std::string& name : dirty_) {
    if (reading_.contains(name) || failed_.contains(name)) continue;
    const Clock::time_point soon = Clock::now() + pauses_.first;
    if (!next || soon < *next) next = soon;
    break;
  }
  return next;
}

void Registrar::Finish(Clock::time_point start, RefreshResult& result) {
  result.took = std::chrono::duration_cast<Duration>(Clock::now() - start);
  PublishStatus(result);
}

void Registrar::PublishStatus(const RefreshResult& result) {
  const std::lock_guard lock(mutex_);
  if (result.catalog_read) {
    status_.read_at = Now();
    status_.error.clear();
  } else if (!result.catalog_error.empty()) {
    status_.error = result.catalog_error;
  }
  status_.revision = live_revision_;
  status_.datasets = live_.size();
  status_.follows = Follows();
  status_.failed.clear();
  for (const auto& [name, failure] : failed_) {
    status_.failed.push_back({.name = name,
                              .error = failure.error,
                              .since = failure.since,
                              .tries = failure.tries,
                              .has_former = live_.contains(name)});
  }
  status_.being_read.clear();
  objects_read_.clear();
  for (const auto& [name, reading] : reading_) {
    status_.being_read.push_back(
        {.name = name, .since = reading.since, .objects = reading.view.keys.size()});
    objects_read_.push_back(reading.probe.objects_read);
  }
  // Datasets whose probe is about to start: the last one was lost with its engine, or the change
  // could not be applied.
  for (const std::string& name : dirty_) {
    const auto wanted = wanted_.find(name);
    if (wanted == wanted_.end() || reading_.contains(name) || failed_.contains(name)) continue;
    status_.being_read.push_back(
        {.name = name, .since = Now(), .objects = wanted->second.content.objects.size()});
    objects_read_.push_back(nullptr);
  }
  status_.notes.clear();
  for (const auto& [name, dataset] : datasets_) {
    for (const std::string& note : dataset->notes) status_.notes.emplace_back(name, note);
  }
}

Registrar::LiveDatasets Registrar::Live() const {
  const std::lock_guard lock(mutex_);
  return datasets_;
}

CatalogStatus Registrar::Status() const {
  const std::lock_guard lock(mutex_);
  CatalogStatus status = status_;
  for (size_t i = 0; i < objects_read_.size(); ++i) {
    if (objects_read_[i] != nullptr) status.being_read[i].objects_read = *objects_read_[i];
  }
  return status;
}

}  // namespace tarn::queryd
