#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "queryd/query/query.h"

namespace tarn::queryd {

// The queries that wait or run, and the latest ones that ended. Each token's queries have ids of
// their own: the same id may be in use by queries of several tokens.
//
// The history is bounded. If it is full, the token with the most ended queries loses its oldest
// one, so that a token with many queries does not push out those of others.
//
// Thread-safe.
class QueryRegistry {
 public:
  explicit QueryRegistry(size_t history_max) : history_max_(history_max) {}

  // A query as a request names it.
  struct Name {
    std::string id;
    std::optional<std::string> user = std::nullopt;  // Only the query of this token.
  };

  // False if a query of the same token with that id waits or runs already.
  bool Add(const std::shared_ptr<Query>& query);
  // Ends the query; a second end is ignored. True if it was the first.
  bool Finish(Query& query, const Result<ResultSummary>& outcome);

  // The following see the queries of `asker`, or with the role admin those of all tokens. A name
  // without a user means the asker's own query, if there is one. Errors: kNotFound; kConflict if
  // several other tokens have a query of that id.
  Result<QueryInfo> Find(const Name& name, const auth::Identity& asker) const;
  // Also kConflict if the query has ended already.
  Result<> Cancel(const Name& name, const Error& reason, const auth::Identity& asker);
  // The queries that wait or run, then those that ended, the latest first. At most `count_max`.
  std::vector<QueryInfo> List(const auth::Identity& asker, size_t count_max = SIZE_MAX) const;

  void CancelAll(const Error& reason);

 private:
  struct Ended {
    uint64_t number = 0;  // In the order of the ends.
    QueryInfo info;
  };
  // The queries of one token.
  struct History {
    std::unordered_map<std::string, std::shared_ptr<Query>> open;  // By id.
    std::deque<Ended> ended;                                       // The latest first.

    bool Has(const std::string& id) const;
    const QueryInfo* FindEnded(const std::string& id) const;
  };

  Result<const History*> HistoryWith(const Name& name, const auth::Identity& asker) const
      TARN_REQUIRES(mutex_);
  void DropOldest() TARN_REQUIRES(mutex_);

  const size_t history_max_;
  mutable Mutex mutex_;
  std::map<std::string, History> users_ TARN_GUARDED_BY(mutex_);  // By the name of the token.
  size_t ended_count_ TARN_GUARDED_BY(mutex_) = 0;
  uint64_t last_ended_ TARN_GUARDED_BY(mutex_) = 0;
};

std::string_view NameOf(QueryState state);

}  // namespace tarn::queryd
