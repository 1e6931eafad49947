#include "queryd/execution/quarantine.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "queryd/query/result_cache.h"

namespace tarn::queryd {
namespace {

prometheus::Counter& RefusalCounter(Metrics& metrics, const char* reason) {
  return metrics.Counter("tarn_queries_refused_total",
                         "Queries that were refused because of engine processes that ended",
                         {{"reason", reason}});
}

std::string WithLength(std::string_view part) { return fmt::format("{}:{}", part.size(), part); }

}  // namespace

Quarantine::Quarantine(const Limits& limits, Metrics& metrics)
    : limits_(limits),
      refused_texts_(RefusalCounter(metrics, "query")),
      refused_tokens_(RefusalCounter(metrics, "token")) {}

std::string Quarantine::KeyOf(std::string_view sql, std::string_view params,
                              const auth::DatasetScope& scope) {
  std::string whole = WithLength(sql) + WithLength(params);
  if (!scope.is_all()) {
    for (const std::string& pattern : *scope.patterns()) whole += WithLength(pattern);
    whole += '.';  // A scope without datasets differs from one of all.
  }
  return TagOf(whole);
}

Result<bool> Quarantine::Check(const std::string& key, const std::string& user) {
  TARN_CHECK_OK(CheckKey(key));
  if (limits_.time <= Duration::zero()) return false;
  const MutexLock lock(mutex_);
  const bool is_suspect = Find(key) != nullptr;
  const auto record = tokens_.find(user);
  if (record == tokens_.end()) return is_suspect;
  if (IsFull(record->second.crashes)) {
    refused_tokens_.Increment();
    return Unavailable(fmt::format(
        "queries of this token ended or broke {} engine processes within {} (queryd.crashes_max, "
        "queryd.quarantine_time), so all its queries are refused for now: try again later",
        limits_.crashes_max, FormatDuration(limits_.time)));
  }
  return is_suspect || IsFull(record->second.cuts);
}

Result<> Quarantine::CheckKey(const std::string& key) {
  const MutexLock lock(mutex_);
  const Entry* entry = Find(key);
  if (entry == nullptr || !entry->is_refused) return {};
  refused_texts_.Increment();
  return InvalidArgument(
      fmt::format("this query ended or broke two engine processes, so it is refused for {} "
                  "(queryd.quarantine_time): "
                  "change it",
                  FormatDuration(limits_.time)));
}

void Quarantine::NoteSuspect(const std::string& key) {
  if (limits_.time <= Duration::zero()) return;
  const MutexLock lock(mutex_);
  Put(key);
}

bool Quarantine::NoteCulprit(const std::string& key, const std::string& user, pid_t process) {
  if (limits_.time <= Duration::zero()) return false;
  const MutexLock lock(mutex_);
  // Without tokens, the queries of one client must not cause the refusal of all others.
  if (!user.empty()) {
    TokenRecord& record = RecordOf(user);
    Add(record.crashes, process);
    if (IsFull(record.crashes)) {
      log::Warn("the queries of a token ended or broke too many engine processes, refusing them",
                {{"user", user}, {"processes", uint64_t{limits_.crashes_max}}});
    }
  }
  return !std::exchange(Put(key).is_refused, true);
}

void Quarantine::NoteCut(const std::string& key, const std::string& user, pid_t process) {
  if (limits_.time <= Duration::zero()) return;
  const MutexLock lock(mutex_);
  Put(key);
  Add(RecordOf(user).cuts, process);
}

void Quarantine::NoteExhausted(const std::string& user) {
  if (limits_.time <= Duration::zero() || user.empty()) return;
  const bool is_new = !IsApart(user);
  const MutexLock lock(mutex_);
  RecordOf(user).exhausted_at = Clock::now();
  if (is_new) {
    log::Warn("a query exhausted the memory of an engine, moving its token to another engine",
              {{"user", user}});
  }
}

bool Quarantine::IsApart(const std::string& user) {
  const MutexLock lock(mutex_);
  const auto record = tokens_.find(user);
  return record != tokens_.end() && record->second.exhausted_at &&
         Clock::now() - *record->second.exhausted_at < limits_.time;
}

void Quarantine::NoteInnocent(const std::string& key) {
  const MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end() || found->second->is_refused) return;
  const Entries::iterator entry = found->second;
  by_key_.erase(found);
  entries_.erase(entry);
}

Quarantine::Entry& Quarantine::Put(const std::string& key) {
  const Clock::time_point until = Clock::now() + limits_.time;
  if (Entry* known = Find(key)) {
    known->until = until;
    entries_.splice(entries_.begin(), entries_, by_key_.at(key));
    return *known;
  }
  if (!entries_.empty() && entries_.size() >= limits_.entries_max) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({.key = key, .until = until});
  by_key_.emplace(entries_.front().key, entries_.begin());
  return entries_.front();
}

Quarantine::Entry* Quarantine::Find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  const Entries::iterator entry = found->second;
  if (Clock::now() < entry->until) return &*entry;
  by_key_.erase(found);
  entries_.erase(entry);
  return nullptr;
}

Quarantine::TokenRecord& Quarantine::RecordOf(const std::string& user) {
  if (!tokens_.contains(user) && !tokens_.empty() && tokens_.size() >= limits_.entries_max) {
    tokens_.erase(std::min_element(
        tokens_.begin(), tokens_.end(),
        [](const auto& a, const auto& b) { return a.second.changed_at < b.second.changed_at; }));
  }
  TokenRecord& record = tokens_[user];
  record.changed_at = Clock::now();
  return record;
}

void Quarantine::Add(std::deque<ProcessEnd>& ends, pid_t process) const {
  const Clock::time_point now = Clock::now();
  // An older end belongs to another process with the same pid.
  const bool is_known = std::any_of(ends.begin(), ends.end(), [&](const ProcessEnd& end) {
    return end.process == process && now - end.at < limits_.time;
  });
  if (is_known) return;
  ends.push_back({.process = process, .at = now});
  if (ends.size() > limits_.crashes_max) ends.pop_front();
}

bool Quarantine::IsFull(const std::deque<ProcessEnd>& ends) const {
  return ends.size() >= limits_.crashes_max && Clock::now() - ends.front().at < limits_.time;
}

}  // namespace tarn::queryd
