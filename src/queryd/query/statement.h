#pragma once

#include <cstdint>
#include <string>

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

// A statement with everything that the query core needs to run it, whatever wire it came from.
struct Statement {
  std::string sql;
  std::string params;  // A JSON list or object; empty: none.
  Format format = Format::kJson;
  Compression compression = Compression::kNone;
  JsonOptions json;
  QueryLimits limits;
  CacheUse cache = CacheUse::kAnswer;
};

}  // namespace tarn::queryd
