#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/duration.h"
#include "protocol/format.h"

namespace tarn::queryd {

// The limits of a query, which a client can only lower. 0: no limit.
struct QueryLimits {
  Duration timeout = Duration::zero();
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

// The use of the result cache for a statement.
enum class CacheUse : uint8_t {
  kAnswer,   // The cached result, if there is one.
  kRefresh,  // Run the statement and cache its result.
  kNone,     // Run the statement and cache nothing.
};

// A statement with everything that the query core needs to run it. It does not depend on the wire.
struct Statement {
  std::string sql;
  std::string params;  // A JSON list or object; empty: none.
  Format format = Format::kJson;
  Compression compression = Compression::kNone;
  JsonOptions json;
  QueryLimits limits;
  CacheUse cache = CacheUse::kAnswer;
  // Run returns when the columns are known, and not when the result is complete or large. For a
  // statement without parameters that is before it runs. Errors of the run come later then, the
  // statement does not run again after a crash, and its result is not cached.
  bool answers_when_bound = false;
};

// Whether a statement runs, or is only prepared to report its columns and parameters.
enum class Purpose : uint8_t { kRun, kDescribe };

// A column of a result, or a parameter of a statement. The type has the form of docs/http-api.md,
// such as "DECIMAL(18,2)" or "STRUCT(a INTEGER)[]".
struct ResultColumn {
  std::string name;
  std::string type;

  bool operator==(const ResultColumn&) const = default;
};

// The columns and parameters of a statement that did not run.
struct Description {
  uint64_t revision = 0;  // The catalogue revision that it would see; 0: unknown.
  // Empty if the types depend on parameters that have no values.
  std::vector<ResultColumn> columns;
  // The names without their $, or the numbers from 1. The type is empty if any value fits.
  std::vector<ResultColumn> parameters;
};

}  // namespace tarn::queryd
