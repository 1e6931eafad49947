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

  std::optional<QueryInfo> Find(const std::string& id) const;
  // What waits or runs, then what has ended, the latest first.
  std::vector<QueryInfo> List() const;

  // Cancels one; kNotFound, or kConflict when it has ended already.
  Result<> Cancel(const std::string& id, const Error& reason);
  void CancelAll(const Error& reason);

 private:
  const size_t history_max_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Query>> open_;  // guarded by mutex_
  std::deque<QueryInfo> ended_;                                   // guarded by mutex_
};

std::string_view NameOf(QueryState state);

}  // namespace tarn::queryd
