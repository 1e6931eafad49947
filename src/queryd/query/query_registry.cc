#include "queryd/query/query_registry.h"

#include <algorithm>

namespace tarn::queryd {
namespace {

bool MaySee(const auth::Identity& asker, const std::string& user) {
  return asker.name == user || asker.roles.Has(auth::Role::kAdmin);
}

}  // namespace

std::string_view NameOf(QueryState state) {
  switch (state) {
    case QueryState::kQueued:
      return "queued";
    case QueryState::kRunning:
      return "running";
    case QueryState::kSucceeded:
      return "succeeded";
    case QueryState::kFailed:
      return "failed";
    case QueryState::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

bool QueryRegistry::History::Has(const std::string& id) const {
  return open.contains(id) || FindEnded(id) != nullptr;
}

const QueryInfo* QueryRegistry::History::FindEnded(const std::string& id) const {
  const auto found = std::find_if(ended.begin(), ended.end(),
                                  [&id](const Ended& entry) { return entry.info.id == id; });
  return found == ended.end() ? nullptr : &found->info;
}

bool QueryRegistry::Add(const std::shared_ptr<Query>& query) {
  const MutexLock lock(mutex_);
  return users_[query->user().name].open.emplace(query->id(), query).second;
}

bool QueryRegistry::Finish(Query& query, const Result<ResultSummary>& outcome) {
  if (!query.Finish(outcome)) return false;
  QueryInfo info = query.Info();
  const MutexLock lock(mutex_);
  const auto user = users_.find(query.user().name);
  if (user == users_.end()) return true;
  History& history = user->second;
  history.open.erase(query.id());
  if (history_max_ > 0) {
    history.ended.push_front({.number = ++last_ended_, .info = std::move(info)});
    if (++ended_count_ > history_max_) DropOldest();
  }
  if (history.open.empty() && history.ended.empty()) users_.erase(user);
  return true;
}

void QueryRegistry::DropOldest() {
  // Among tokens with equally many queries, the one with the oldest query loses it.
  const auto rank = [](const History& history) {
    return std::pair(history.ended.size(), ~history.ended.back().number);
  };
  auto most = users_.end();
  for (auto it = users_.begin(); it != users_.end(); ++it) {
    if (it->second.ended.empty()) continue;
    if (most == users_.end() || rank(it->second) > rank(most->second)) most = it;
  }
  most->second.ended.pop_back();
  --ended_count_;
}

Result<const QueryRegistry::History*> QueryRegistry::HistoryWith(
    const Name& name, const auth::Identity& asker) const {
  if (!name.user) {
    const auto own = users_.find(asker.name);
    if (own != users_.end() && own->second.Has(name.id)) return &own->second;
  }
  const History* found = nullptr;
  for (const auto& [user, history] : users_) {
    if (!MaySee(asker, user) || (name.user && *name.user != user) || !history.Has(name.id)) {
      continue;
    }
    if (found != nullptr) {
      return Error{ErrorKind::kConflict,
                   "several tokens have a query with this id: add ?user= and the token's name"};
    }
    found = &history;
  }
  if (found == nullptr) return NotFound("there is no such query");
  return found;
}

Result<QueryInfo> QueryRegistry::Find(const Name& name, const auth::Identity& asker) const {
  const MutexLock lock(mutex_);
  TARN_TRY(const History* history, HistoryWith(name, asker));
  if (const auto open = history->open.find(name.id); open != history->open.end()) {
    return open->second->Info();
  }
  return *history->FindEnded(name.id);
}

Result<> QueryRegistry::Cancel(const Name& name, const Error& reason, const auth::Identity& asker) {
  const MutexLock lock(mutex_);
  TARN_TRY(const History* history, HistoryWith(name, asker));
  const auto open = history->open.find(name.id);
  if (open == history->open.end()) {
    return Error{ErrorKind::kConflict, "the query has ended already"};
  }
  open->second->Cancel(reason);
  return {};
}

std::vector<QueryInfo> QueryRegistry::List(const auth::Identity& asker, size_t count_max) const {
  const MutexLock lock(mutex_);
  std::vector<QueryInfo> list;
  std::vector<const Ended*> ended;
  for (const auto& [user, history] : users_) {
    if (!MaySee(asker, user)) continue;
    for (const auto& [id, query] : history.open) list.push_back(query->Info());
    for (const Ended& entry : history.ended) ended.push_back(&entry);
  }
  std::sort(list.begin(), list.end(),
            [](const QueryInfo& a, const QueryInfo& b) { return a.submitted_at > b.submitted_at; });
  if (list.size() > count_max) list.resize(count_max);
  const size_t ended_max = std::min(ended.size(), count_max - list.size());
  std::partial_sort(ended.begin(), ended.begin() + static_cast<ptrdiff_t>(ended_max), ended.end(),
                    [](const Ended* a, const Ended* b) { return a->number > b->number; });
  for (size_t i = 0; i < ended_max; ++i) list.push_back(ended[i]->info);
  return list;
}

void QueryRegistry::CancelAll(const Error& reason) {
  const MutexLock lock(mutex_);
  for (const auto& [user, history] : users_) {
    for (const auto& [id, query] : history.open) query->Cancel(reason);
  }
}

}  // namespace tarn::queryd
