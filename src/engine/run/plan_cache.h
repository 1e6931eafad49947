#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text_hash.h"
#include "duck/database.h"
#include "engine/gate/gate.h"

namespace tarn::engine {

// A checked statement, which may be prepared.
struct Plan {
  Verdict verdict;
  // Null after a long run, to free memory. DuckDB keeps the data of the last run in a prepared
  // statement, for example a hash table under a LIMIT.
  std::optional<duck::Statement> statement = std::nullopt;
  // The versions of the datasets with which `statement` was prepared.
  std::vector<uint64_t> versions = {};
};

// The plans of the statements that ran last on a connection. A plan is valid while the same names
// in it are datasets (see Views::TakeCut). If a view changes, DuckDB binds the statement again.
//
// Not thread-safe. Destroy it before its connection.
class PlanCache {
 public:
  explicit PlanCache(size_t entries_max) : entries_max_(entries_max) {}

  Plan* Find(std::string_view sql);  // Returns null for an unknown text.
  // Adds a plan. The reference is valid until the next call of Keep or Forget.
  Plan& Keep(std::string sql, Plan plan);
  void Forget(std::string_view sql);

 private:
  struct Entry {
    std::string sql;
    Plan plan;
  };
  const size_t entries_max_;
  std::list<Entry> entries_;  // The last used first.
  TextViewMap<std::list<Entry>::iterator> by_sql_;
};

}  // namespace tarn::engine
