#include "engine/views.h"

#include <fmt/format.h>

#include "base/text.h"

namespace tarn::engine {
namespace {

// How often somebody who waits for another's change looks whether he still wants to.
constexpr auto kLookAgain = std::chrono::milliseconds(10);

}  // namespace

Views::Views(const protocol::ObjectStore& store, ConnectionFactory& factory,
             std::shared_ptr<Watchdog> watchdog, const std::vector<protocol::ViewSpec>& known)
    : store_(store), writer_(store, factory, std::move(watchdog)) {
  for (const protocol::ViewSpec& view : known) {
    entries_.insert_or_assign(ToLowerAscii(view.name), Entry{view});
  }
}

bool Views::IsDataset(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(ToLowerAscii(name));
}

bool Views::Claim(const std::string& key, const std::function<bool()>& give_up) {
  std::unique_lock lock(mutex_);
  while (claimed_.contains(key)) {
    if (give_up()) return false;
    released_.wait_for(lock, kLookAgain);
  }
  claimed_.insert(key);
  return true;
}

void Views::Release(const std::string& key) {
  const std::lock_guard lock(mutex_);
  claimed_.erase(key);
  released_.notify_all();
}

Result<> Views::MakeOne(duck::Connection& connection, const WatchedTask& task,
                        const std::string& key) {
  protocol::ViewSpec view;
  uint64_t put_at = 0;
  const auto is_missing = [&] {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.made) return false;
    view = found->second.view;
    put_at = found->second.put_at;
    return true;
  };
  if (!is_missing()) return {};
  if (!Claim(key, [&task] { return task.CancelReason().has_value(); })) return *task.CancelReason();
  Result<> made;
  if (is_missing()) {
    const Result<std::string> sql = CreateViewSql(store_, view);
    made = sql.ok() ? connection.Execute(*sql) : Result<>(sql.error());
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    // Unless another one was put while this one was made.
    if (made.ok() && found != entries_.end() && found->second.put_at == put_at) {
      found->second.made = true;
    }
  }
  Release(key);
  if (!made.ok()) return made.error().Wrap(fmt::format("dataset \"{}\"", view.name));
  return {};
}

Result<> Views::Make(duck::Connection& connection, const WatchedTask& task,
                     const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    TARN_CHECK_OK(MakeOne(connection, task, ToLowerAscii(name)));
  }
  return {};
}

Result<> Views::MakeAll(duck::Connection& connection, const WatchedTask& task) {
  std::vector<std::string> missing;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, entry] : entries_) {
      if (!entry.made) missing.push_back(key);
    }
  }
  for (const std::string& key : missing) {
    // One that cannot be made is not shown; a query that names it is told why.
    [[maybe_unused]] const Result<> ignored = MakeOne(connection, task, key);
    if (const auto reason = task.CancelReason()) return *reason;
  }
  return {};
}

Result<> Views::Put(const protocol::ViewSpec& view, Deadline deadline) {
  const std::string key = ToLowerAscii(view.name);
  if (!Claim(key, [&] { return deadline.Passed(); })) {
    return Error{ErrorKind::kTimeout, "timed out, its view is being made"};
  }
  Result<> put = writer_.Put(view, deadline);
  if (put.ok()) {
    const std::lock_guard lock(mutex_);
    entries_.insert_or_assign(key, Entry{view, true, ++generation_});
  }
  Release(key);
  return put;
}

void Views::PutKnown(const protocol::ViewSpec& view) {
  const std::lock_guard lock(mutex_);
  entries_.insert_or_assign(ToLowerAscii(view.name), Entry{view, false, ++generation_});
}

Result<> Views::Drop(const std::string& name, Deadline deadline) {
  const std::string key = ToLowerAscii(name);
  if (!Claim(key, [&] { return deadline.Passed(); })) {
    return Error{ErrorKind::kTimeout, "timed out, its view is being made"};
  }
  Result<> dropped = writer_.Drop(name, deadline);
  if (dropped.ok()) {
    const std::lock_guard lock(mutex_);
    entries_.erase(key);
    ++generation_;
  }
  Release(key);
  return dropped;
}

}  // namespace tarn::engine
