#include "queryd/query_registry.h"

#include <algorithm>
#include <iterator>

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

bool QueryRegistry::Add(const std::shared_ptr<Query>& query) {
  const std::lock_guard lock(mutex_);
  return open_.emplace(query->id(), query).second;
}

bool QueryRegistry::Finish(Query& query, const Result<ResultSummary>& outcome) {
  if (!query.Finish(outcome)) return false;
  QueryInfo info = query.Info();
  const std::lock_guard lock(mutex_);
  open_.erase(query.id());
  if (history_max_ == 0) return true;
  if (ended_.size() >= history_max_) ended_.pop_back();
  ended_.push_front(std::move(info));
  return true;
}

std::optional<QueryInfo> QueryRegistry::Find(const std::string& id,
                                             const auth::Identity& asker) const {
  const std::lock_guard lock(mutex_);
  if (const auto open = open_.find(id); open != open_.end()) {
    if (!MaySee(asker, open->second->user().name)) return std::nullopt;
    return open->second->Info();
  }
  const auto ended = FindEnded(id, asker);
  if (ended == ended_.end()) return std::nullopt;
  return *ended;
}

std::deque<QueryInfo>::const_iterator QueryRegistry::FindEnded(const std::string& id,
                                                               const auth::Identity& asker) const {
  return std::find_if(ended_.begin(), ended_.end(), [&](const QueryInfo& info) {
    return info.id == id && MaySee(asker, info.user);
  });
}

std::vector<QueryInfo> QueryRegistry::List(const auth::Identity& asker) const {
  const std::lock_guard lock(mutex_);
  std::vector<QueryInfo> list;
  list.reserve(open_.size() + ended_.size());
  for (const auto& [id, query] : open_) {
    if (MaySee(asker, query->user().name)) list.push_back(query->Info());
  }
  std::sort(list.begin(), list.end(),
            [](const QueryInfo& a, const QueryInfo& b) { return a.submitted_at > b.submitted_at; });
  std::copy_if(ended_.begin(), ended_.end(), std::back_inserter(list),
               [&asker](const QueryInfo& info) { return MaySee(asker, info.user); });
  return list;
}

Result<> QueryRegistry::Cancel(const std::string& id, const Error& reason,
                               const auth::Identity& asker) {
  const std::lock_guard lock(mutex_);
  const auto open = open_.find(id);
  if (open != open_.end() && MaySee(asker, open->second->user().name)) {
    open->second->Cancel(reason);
    return {};
  }
  if (FindEnded(id, asker) != ended_.end()) {
    return Error{ErrorKind::kConflict, "the query has ended already"};
  }
  return NotFound("there is no such query");
}

void QueryRegistry::CancelAll(const Error& reason) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, query] : open_) query->Cancel(reason);
}

}  // namespace tarn::queryd
