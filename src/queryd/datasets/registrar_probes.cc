// The part of Registrar that probes datasets and checks them for overwrites.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "base/owner_turns.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "queryd/datasets/registrar.h"

namespace tarn::queryd {
namespace {

// The time limit of an object if the refresh has none.
constexpr auto kLongestRead = std::chrono::hours(1);

// One of this number of probes is a retry, if retries and new probes wait.
constexpr uint64_t kRetryEvery = 4;

// The most bytes of a key in an error. The error must say what to do as well.
constexpr size_t kShownKeyBytesMax = 500;

protocol::ViewSpec ToViewSpec(const WantedDataset& wanted, uint64_t version) {
  return {.name = wanted.name, .keys = wanted.keys, .etags = wanted.etags, .version = version};
}

}  // namespace

// The probes that are about to start.
struct Registrar::Window {
  std::vector<ProbeRequest> requests = {};
  size_t running = 0;
  size_t retries = 0;  // The number of running retries.
  std::map<std::string, size_t> of_owners = {};

  // True if the owner may have one more of `probes_max` running probes.
  bool MayStart(const std::string& owner, size_t probes_max) const {
    const auto own = of_owners.find(owner);
    return MayUseOneMore(owner, own == of_owners.end() ? 0 : own->second, running, probes_max);
  }
};

void Registrar::CheckForOverwrites(const std::set<std::string>& names, uint64_t objects_max,
                                   Deadline deadline) {
  std::vector<std::string> waiting = std::exchange(to_check_, {});
  TextSet known(waiting.begin(), waiting.end());
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
    const TextList& keys = wanted->second.keys;
    Learned& etags = learned->second;
    ProbeRequest request{.view = {.name = name, .keys = {}},
                         .object_timeout = deadline.Remaining(),
                         .is_retry = true,
                         .only_etags = true};
    const uint64_t count = std::min<uint64_t>(keys.size(), objects_max);
    TextList::Builder checked_keys;
    TextList::Builder checked_etags;
    for (uint64_t i = 0; i < count; ++i, ++etags.next) {
      const size_t object = etags.next % keys.size();
      if (etags.etags[object].empty()) continue;  // DuckDB read it, which reports no ETag.
      checked_keys.Add(keys[object]);
      checked_etags.Add(etags.etags[object]);
    }
    request.view.keys = checked_keys.Build();
    request.view.etags = checked_etags.Build();
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
      AddToQueue(it->first);
      result.overwritten.push_back(it->first);
    }
    it = checks_.erase(it);
  }
}

void Registrar::AddToQueue(const std::string& name) {
  const WantedDataset& wanted = wanted_.at(name);
  queue_.Add({.name = name, .owner = wanted.owner, .objects = wanted.keys.size()});
  to_show_.insert(name);
}

void Registrar::AddToQueueLater(const std::string& name, Clock::time_point due) {
  const WantedDataset& wanted = wanted_.at(name);
  queue_.AddLater({.name = name, .owner = wanted.owner, .objects = wanted.keys.size()}, due,
                  failed_.contains(name));
  to_show_.insert(name);
}

// Adds datasets that are missing in the queue because of an exception.
void Registrar::AddForgotten() {
  for (const std::string& name : dirty_) {
    if (queue_.Contains(name) || reading_.contains(name) || suspects_.contains(name)) continue;
    AddToQueue(name);
  }
}

void Registrar::StartProbes(Deadline deadline, bool all_failed, RefreshResult& result) {
  TakeChecks(result);
  if (all_failed) {
    AddForgotten();
    queue_.MakeAllDue();
  }
  result.skipped = wanted_.size() - dirty_.size();
  object_timeout_ = deadline.IsNever() ? Duration(kLongestRead)
                                       : std::chrono::duration_cast<Duration>(deadline.Remaining());
  // At the start the engine gets all names before the first probe, so that queries of these
  // datasets wait instead of failing.
  if (!has_refreshed_ && !to_show_.empty()) {
    Change change;
    PutBroken(change);
    GoLive(change, deadline, result);
  }
  Window alone;
  AddSuspect(alone, result);
  Start(std::move(alone), deadline);
  FillWindow(deadline, result);
}

void Registrar::FillWindow(Deadline deadline, RefreshResult& result) {
  Window window{.running = reading_.size()};
  for (const auto& [name, reading] : reading_) {
    window.retries += reading.is_retry ? 1 : 0;
    ++window.of_owners[reading.owner];
  }
  {
    // A dataset is always in the queue or in the status: see Status.
    const MutexLock lock(mutex_);
    for (;;) {
      std::optional<std::string> name;
      const auto may_hurry = [&](const std::string& owner) {
        return window.MayStart(owner, 2 * probed_max_);
      };
      const bool is_hurried = (name = queue_.TakeHurried(may_hurry)).has_value();
      if (!is_hurried) name = NextToProbe(window);
      if (!name) break;
      AddRequest(*name, is_hurried, window, result);
    }
    for (const ProbeRequest& request : window.requests) {
      readings_.push_back(
          {{.name = request.view.name, .since = NowMicros(), .objects = request.view.keys.size()}});
    }
  }
  Start(std::move(window), deadline);
}

std::optional<std::string> Registrar::NextToProbe(Window& window) {
  const auto may_start = [&](const std::string& owner) {
    return window.MayStart(owner, probed_max_);
  };
  const auto take_retry = [&]() -> std::optional<std::string> {
    if (window.retries >= std::max<size_t>(probed_max_ / 2, 1)) return std::nullopt;
    return queue_.TakeDue(may_start);
  };
  if (probes_started_ % kRetryEvery == kRetryEvery - 1) {
    if (std::optional<std::string> name = take_retry()) return name;
  }
  if (std::optional<std::string> name = queue_.TakeNew(may_start)) return name;
  return take_retry();
}

void Registrar::AddRequest(const std::string& name, bool is_hurried, Window& window,
                           RefreshResult& result) {
  // Applies even if the oldest dataset cannot be read: no other dataset may take over its name.
  if (const std::string oldest = OldestNamesake(name); oldest != name) {
    return Fail(name,
                InvalidArgument(fmt::format("the older dataset \"{}\" differs from it in upper and "
                                            "lower case only, which SQL does not tell apart",
                                            oldest)),
                result);
  }
  if (const std::string* error = crashed_.Find(wanted_.at(name))) {
    return Fail(name, InvalidArgument(*error), result);
  }
  // A retry gets half of the time, so that an object that does not answer delays others less.
  const bool is_retry = failed_.contains(name);
  window.requests.push_back({.view = ToViewSpec(wanted_.at(name), ++last_version_),
                             .object_timeout = is_retry ? object_timeout_ / 2 : object_timeout_,
                             .is_retry = is_retry,
                             .is_first = is_hurried,
                             .owner = wanted_.at(name).owner});
  ++probes_started_;
  ++window.running;
  ++window.of_owners[wanted_.at(name).owner];
  window.retries += is_retry ? 1 : 0;
}

// Adds the first suspect, if none is being probed.
void Registrar::AddSuspect(Window& window, RefreshResult& result) {
  const bool is_one_probed = std::any_of(reading_.begin(), reading_.end(),
                                         [](const auto& each) { return each.second.is_alone; });
  if (is_one_probed || suspects_.empty()) return;
  const std::string name = *suspects_.begin();
  suspects_.erase(suspects_.begin());
  AddRequest(name, /*is_hurried=*/false, window, result);
  if (!window.requests.empty()) window.requests.front().is_alone = true;
}

void Registrar::Start(Window window, Deadline deadline) {
  if (window.requests.empty()) return;
  std::vector<PendingProbe> probes = views_.Probe(window.requests, deadline);
  for (size_t i = 0; i < window.requests.size(); ++i) {
    ProbeRequest& request = window.requests[i];
    const std::string name = request.view.name;
    reading_.insert_or_assign(name, Reading{.view = std::move(request.view),
                                            .probe = std::move(probes[i]),
                                            .owner = request.owner,
                                            .updated_at = wanted_.at(name).updated_at,
                                            .since = NowMicros(),
                                            .is_alone = request.is_alone,
                                            .is_retry = request.is_retry});
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
    const bool is_wanted =
        wanted != wanted_.end() && wanted->second.updated_at == reading.updated_at;
    // An older dataset of this name may have been added meanwhile.
    if (is_wanted && OldestNamesake(it->first) != it->first) AddToQueue(it->first);
    if (!is_wanted || OldestNamesake(it->first) != it->first) {
      it = reading_.erase(it);
      continue;
    }
    result.items += wanted->second.keys.size();
    const bool is_lost = !outcome.ok() && outcome.error().kind == ErrorKind::kCancelled;
    if (outcome.ok()) {
      TakeSchema(std::move(reading.view), std::move(*outcome), change, result);
    } else if (is_lost) {
      TakeLost(reading, result);
    } else {
      Fail(it->first, outcome.error(), result);
    }
    it = reading_.erase(it);
  }
}

void Registrar::TakeSchema(protocol::ViewSpec view, ViewTarget::Schema schema, Change& change,
                           RefreshResult& result) {
  // They need not be in the catalogue.
  const TextList etags = std::exchange(schema.etags, {});
  const bool is_learned = view.etags.empty() && etags.size() == view.keys.size();
  if (is_learned) view.etags = etags;
  view.packed_schema = protocol::PackSchema(schema);
  result.items += schema.columns.size() * (1 + schema.groups.size());
  const Result<> taken =
      schemas_.Take(view.name, wanted_.at(view.name).owner, view.packed_schema.size());
  if (!taken.ok()) return Fail(view.name, taken.error(), result);
  const std::string* const other = LiveNamesake(view.name);
  if (other != nullptr && *other != view.name && wanted_.contains(*other)) {
    change.drop.push_back(*other);
    dirty_.insert(*other);
    AddToQueueLater(*other, Clock::now() + pauses_.first);
  }
  if (is_learned) change.learned.insert(view.name);
  if (!schema.notes.empty()) change.notes.emplace(view.name, std::move(schema.notes));
  change.put.push_back(std::make_shared<const protocol::ViewSpec>(std::move(view)));
}

void Registrar::TakeLost(const Reading& reading, RefreshResult& result) {
  const std::string& name = reading.view.name;
  const uint64_t object = reading.probe.suspect_object();
  if (object >= reading.view.keys.size()) {
    if (!reading.is_alone) return AddToQueue(name);
    suspects_.insert(name);
    return;
  }
  const std::string key(reading.view.keys[object]);
  if (!reading.is_alone) {
    log::Warn("a probe process ended, reading the dataset alone",
              {{"dataset", name}, {"key", key}});
    suspects_.insert(name);
    return;
  }
  const auto& exceeded_memory = reading.probe.exceeded_memory;
  const std::string_view fault =
      exceeded_memory != nullptr && *exceeded_memory
          ? "its footer needs more memory than the process that reads footers has "
            "(queryd.probe_memory_limit). The dataset is not read again until it changes or the "
            "setting does: write fewer columns, row groups or metadata into an object"
          : "DuckDB ended its process twice when it read the footer. The dataset is not read again "
            "until it changes: write the object again under another key";
  const std::string error =
      fmt::format("object \"{}\": {}", Shortened(key, kShownKeyBytesMax), fault);
  log::Error("a dataset ended its probe process twice", {{"dataset", name}, {"key", key}});
  crashed_.Add(wanted_.at(name), error);
  Fail(name, InvalidArgument(error), result);
}

}  // namespace tarn::queryd
