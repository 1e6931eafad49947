#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "queryd/query.h"

namespace tarn::queryd {

// The queries that wait or run, and the latest ones that ended. Thread-safe.
class QueryRegistry {
 public:
  explicit QueryRegistry(size_t history_max) : history_max_(history_max) {}

  // False when a query of that id waits or runs already.
  bool Add(const std::shared_ptr<Query>& query);
  // Ends it; a second end is ignored. True when it was the first.
  bool Finish(Query& query, const Result<ResultSummary>& outcome);

  // Of the queries that `asker` may see: his own, or everybody's with the role admin. The others
  // are not there for him.
  std::optional<QueryInfo> Find(const std::string& id, const auth::Identity& asker) const;
  // What waits or runs, then what has ended, the latest first.
  std::vector<QueryInfo> List(const auth::Identity& asker) const;
  // Cancels one; kNotFound, or kConflict when it has ended already.
  Result<> Cancel(const std::string& id, const Error& reason, const auth::Identity& asker);

  void CancelAll(const Error& reason);

 private:
  // Needs mutex_.
  std::deque<QueryInfo>::const_iterator FindEnded(const std::string& id,
                                                  const auth::Identity& asker) const;

  const size_t history_max_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Query>> open_;  // guarded by mutex_
  std::deque<QueryInfo> ended_;                                   // guarded by mutex_
};

std::string_view NameOf(QueryState state);

}  // namespace tarn::queryd
