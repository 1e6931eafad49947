#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/text_hash.h"
#include "queryd/query/query.h"

namespace tarn::queryd {

// The queries that wait or run, and those that ended last. Ids are unique for each token, so
// queries of several tokens may have the same id.
//
// The history is bounded. If it is full, the token with the most ended queries loses its oldest
// one, so that a token with many queries does not displace the queries of others.
//
// Thread-safe.
class QueryRegistry {
 public:
  explicit QueryRegistry(size_t history_max) : history_max_(history_max) {}

  // The name of a query in a request.
  struct Name {
    std::string id;
    std::optional<std::string> user = std::nullopt;  // Only the query of this token.
  };

  // Returns false if the token has a query with this id that waits or runs.
  bool Add(const std::shared_ptr<Query>& query);
  // Ends the query. Returns true for the first end; later ends are ignored.
  bool Finish(Query& query, const Result<ResultSummary>& outcome);

  // The following functions see the queries of `asker`, or those of all tokens if `asker` has the
  // role admin. A name without a user means the query of `asker`, if there is one. Errors:
  // kNotFound; kConflict if several other tokens have a query of that id.
  Result<QueryInfo> Find(const Name& name, const auth::Identity& asker) const;
  // Also kConflict if the query has ended already.
  Result<> Cancel(const Name& name, const Error& reason, const auth::Identity& asker);
  // Returns the queries that wait or run, then those that ended, most recent first. At most
  // `count_max`.
  std::vector<QueryInfo> List(const auth::Identity& asker, size_t count_max = SIZE_MAX) const;

  void CancelAll(const Error& reason);

 private:
  struct Ended {
    uint64_t number = 0;  // Counts the ends.
    QueryInfo info;
  };
  // The queries of one token.
  struct History {
    TextMap<std::shared_ptr<Query>> open;  // By id.
    std::deque<Ended> ended;               // The most recent first.

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
