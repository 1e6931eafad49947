#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "duck/database.h"
#include "engine/gate/gate.h"

namespace tarn::engine {

// A text that was judged, and prepared if it is worth it.
struct Plan {
  Verdict verdict;
  // None after a run that took long: DuckDB keeps in a prepared statement what its last run built,
  // all of a hash table under a LIMIT for one, until the statement runs again or goes.
  std::optional<duck::Statement> statement = std::nullopt;
};

// The plans of a connection's latest texts. They hold as long as the names in them mean datasets or
// not, as they did (see Views::TakeCut); where a view has changed, DuckDB itself binds again.
//
// Not thread-safe; destroyed before its connection.
class PlanCache {
 public:
  explicit PlanCache(size_t entries_max) : entries_max_(entries_max) {}

  Plan* Find(std::string_view sql);  // None: null.
  // Keeps the plan as the latest one; valid until the next call of Keep or Forget.
  Plan& Keep(std::string sql, Plan plan);
  void Forget(std::string_view sql);

 private:
  struct Entry {
    std::string sql;
    Plan plan;
  };
  const size_t entries_max_;
  std::list<Entry> entries_;  // The latest first.
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_sql_;
};

}  // namespace tarn::engine
