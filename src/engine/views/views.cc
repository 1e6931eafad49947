#include "engine/views/views.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "duck/quote.h"
#include "engine/views/view_sql.h"

namespace tarn::engine {
namespace {

constexpr const char* kPendingError =
    "it is registered, and its objects are still being read: try again";

// Whether an error names the object, by its path or by the URL of a request.
bool IsNamedIn(std::string_view message, std::string_view key) {
  if (message.find("/" + std::string(key)) != std::string_view::npos) return true;
  return message.find("/" + ReplaceAll(PercentEncode(key), "%2F", "/")) != std::string_view::npos;
}

KnownObject ObjectAt(const protocol::ViewSpec& view, size_t index) {
  return {.key = std::string(view.keys[index]),
          .etag = std::string(index < view.etags.size() ? view.etags[index] : "")};
}

// How often a query that waits for the pins of other queries checks whether it was cancelled.
constexpr auto kLookAgain = std::chrono::milliseconds(10);

}  // namespace

Views::Pins::Pins(Pins&& other) noexcept
    : views_(other.views_), keys_(std::exchange(other.keys_, {})) {}

Views::Pins::~Pins() { views_->Unpin(keys_); }

Views::Views(const protocol::ObjectStore& store, protocol::ApplyViews known)
    : store_(store), revision_(known.revision) {
  Apply(std::move(known));
}

bool Views::IsDataset(std::string_view name) const {
  const MutexLock lock(mutex_);
  return datasets_.contains(ToLowerAscii(name));
}

void Views::Apply(protocol::ApplyViews change) {
  for (std::string& name : change.pending) {
    change.put.push_back({.name = std::move(name),
                          .keys = {},
                          .error = kPendingError,
                          .is_pending = true,
                          .version = protocol::ViewSpec::kPendingVersion});
  }
  const MutexLock lock(mutex_);
  revision_ = change.revision;
  for (const std::string& name : change.drop) datasets_.erase(ToLowerAscii(name));
  for (protocol::ViewSpec& view : change.put) {
    std::string key = ToLowerAscii(view.name);
    datasets_.insert_or_assign(std::move(key),
                               std::make_shared<const protocol::ViewSpec>(std::move(view)));
  }
  applied_.notify_all();
}

void Views::WaitForPending(const Cut& cut, Deadline deadline) const {
  MutexLock lock(mutex_);
  const auto is_pending = [this](const Wanted& wanted) TARN_REQUIRES(mutex_) {
    if (wanted.dataset == nullptr || !wanted.dataset->is_pending) return false;
    const auto now = datasets_.find(wanted.key);
    return now != datasets_.end() && now->second == wanted.dataset;
  };
  applied_.wait_until(lock, deadline.At(), [&]() TARN_REQUIRES(mutex_) {
    return std::none_of(cut.wanted_.begin(), cut.wanted_.end(), is_pending);
  });
}

std::vector<std::string> Views::Cut::Pending() const {
  std::vector<std::string> names;
  for (const Wanted& wanted : wanted_) {
    if (wanted.dataset == nullptr || wanted.outline_is_enough) continue;
    if (wanted.dataset->is_pending) names.push_back(wanted.dataset->name);
  }
  return names;
}

std::optional<Views::Cut> Views::TakeCut(const std::vector<std::string>& datasets,
                                         const std::vector<std::string>& others, bool all) const {
  const MutexLock lock(mutex_);
  // Sorted, so that queries take pins in the same order and cannot deadlock.
  std::map<std::string, Wanted> wanted;
  if (all) {
    for (const auto& [key, dataset] : datasets_) wanted.emplace(key, Wanted{key, dataset, true});
    for (const auto& [key, slot] : slots_) wanted.emplace(key, Wanted{key, nullptr, true});
  }
  for (const std::string& name : datasets) {
    const std::string key = ToLowerAscii(name);
    const auto found = datasets_.find(key);
    if (found == datasets_.end()) return std::nullopt;
    wanted.insert_or_assign(key, Wanted{key, found->second, false});
  }
  for (const std::string& name : others) {
    const std::string key = ToLowerAscii(name);
    if (datasets_.contains(key)) return std::nullopt;
    wanted.insert_or_assign(key, Wanted{key, nullptr, false});
  }
  Cut cut;
  cut.revision_ = revision_;
  for (auto& [key, each] : wanted) cut.wanted_.push_back(std::move(each));
  return cut;
}

std::vector<protocol::DatasetRead> Views::Cut::Reads() const {
  std::vector<protocol::DatasetRead> reads;
  for (const Wanted& wanted : wanted_) {
    if (!wanted.dataset || wanted.outline_is_enough) continue;
    reads.push_back({wanted.dataset->name, wanted.dataset->version});
  }
  return reads;
}

std::optional<KnownObject> Views::Cut::FindObject(std::string_view message) const {
  KnownObject found;
  for (const Wanted& wanted : wanted_) {
    if (wanted.dataset == nullptr) continue;
    const protocol::ViewSpec& view = *wanted.dataset;
    for (size_t i = 0; i < view.keys.size(); ++i) {
      // Finds the longest key, because a key may end with another key.
      if (view.keys[i].size() <= found.key.size() || !IsNamedIn(message, view.keys[i])) continue;
      found = ObjectAt(view, i);
    }
  }
  if (found.key.empty()) return std::nullopt;
  return found;
}

std::vector<KnownObject> Views::Cut::Objects(size_t count_max) const {
  std::vector<KnownObject> objects;
  for (const Wanted& wanted : wanted_) {
    if (wanted.dataset == nullptr) continue;
    const protocol::ViewSpec& view = *wanted.dataset;
    for (size_t i = 0; i < view.keys.size() && objects.size() < count_max; ++i) {
      objects.push_back(ObjectAt(view, i));
    }
  }
  return objects;
}

Result<Views::Pins> Views::Pin(duck::Connection& connection, const WatchedTask& task,
                               const Cut& cut) {
  Pins pins(*this);
  pins.keys_.reserve(cut.wanted_.size());
  for (const Wanted& wanted : cut.wanted_) {
    const Result<> pinned = PinOne(connection, task, wanted);
    if (pinned.ok()) {
      pins.keys_.push_back(wanted.key);
      continue;
    }
    if (const auto reason = task.CancelReason()) return *reason;
    // A dataset that is only listed is left out if its view cannot be created.
    if (wanted.outline_is_enough) continue;
    return pinned.error().Wrap(
        fmt::format("dataset \"{}\"", wanted.dataset ? wanted.dataset->name : wanted.key));
  }
  return pins;
}

Result<> Views::PinOne(duck::Connection& connection, const WatchedTask& task,
                       const Wanted& wanted) {
  const uint64_t version = wanted.dataset == nullptr ? 0 : wanted.dataset->version;
  MutexLock lock(mutex_);
  for (;;) {
    Slot& slot = slots_[wanted.key];
    if (!slot.is_changing) {
      const bool is_version = slot.version == version;
      if (is_version && (wanted.outline_is_enough || !slot.is_outline)) {
        ++slot.pins;
        return {};
      }
      // A pinned outline may be replaced by the view of the same version, which has the same
      // columns.
      if (is_version || slot.pins == 0) {
        slot.is_changing = true;
        const std::string former = slot.name;
        lock.unlock();
        const Result<> changed = Change(connection, wanted, former);
        lock.lock();
        Slot& after = slots_[wanted.key];  // The map may have moved the slot.
        TARN_ASSERT(after.is_changing, "two queries change a view at the same time");
        after.is_changing = false;
        if (changed.ok()) {
          after.name = version == 0 ? "" : wanted.dataset->name;
          after.version = version;
          after.is_outline = version != 0 && IsOutline(wanted);
          ++after.pins;
        }
        changed_.notify_all();
        return changed;
      }
    }
    if (const auto reason = task.CancelReason()) return *reason;
    changed_.wait_for(lock, kLookAgain);
  }
}

// An outline needs known columns.
bool Views::IsOutline(const Wanted& wanted) {
  return wanted.outline_is_enough && !wanted.dataset->schema.columns.empty();
}

Result<> Views::Change(duck::Connection& connection, const Wanted& wanted,
                       const std::string& former) {
  if (wanted.dataset == nullptr) {
    return connection.Execute("DROP VIEW IF EXISTS " + duck::QuoteIdentifier(former));
  }
  const protocol::ViewSpec& view = *wanted.dataset;
  if (view.is_pending || view.is_temporary) return Unavailable(view.error);
  if (!view.error.empty()) return InvalidArgument(view.error);
  if (IsOutline(wanted)) return connection.Execute(CreateOutlineSql(view));
  TARN_TRY(const std::string sql, CreateViewSql(store_, view));
  return connection.Execute(sql);
}

void Views::Unpin(const std::vector<std::string>& keys) {
  const MutexLock lock(mutex_);
  for (const std::string& key : keys) {
    const auto slot = slots_.find(key);
    TARN_ASSERT(slot != slots_.end() && slot->second.pins > 0, "a view was unpinned twice");
    --slot->second.pins;
    const bool is_of_no_use =
        slot->second.version == 0 && slot->second.pins == 0 && !slot->second.is_changing;
    if (is_of_no_use) slots_.erase(slot);
  }
  changed_.notify_all();
}

}  // namespace tarn::engine
