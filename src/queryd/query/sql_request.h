#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/duration.h"
#include "base/result.h"
#include "http/message.h"
#include "protocol/format.h"

namespace tarn::queryd {

// The bounds of every query, which a request can only make tighter. 0: none.
struct QueryLimits {
  Duration timeout = Duration::zero();
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

// What a request's Cache-Control (RFC 9111, 5.2.1) asks of the result cache.
enum class CacheUse : uint8_t {
  kAnswer,   // An answer that is kept will do.
  kRefresh,  // no-cache: run it, and keep the answer.
  kNone,     // no-store: run it, and keep nothing.
};

// POST /sql: what its body, its query string and its header ask for.
struct SqlRequest {
  std::string sql;
  std::string params;  // A JSON list or object; empty: none.
  Format format = Format::kJson;
  Compression compression = Compression::kNone;
  JsonOptions json;
  QueryLimits limits;
  CacheUse cache = CacheUse::kAnswer;
};

// The error is the text of the 400: "decode body: …", "sql is empty", "format: …".
Result<SqlRequest> ParseSqlRequest(const http::Request& request, const QueryLimits& limits);

// The parts of it, for the tests.
Result<SqlRequest> ParseSqlBody(std::string_view body, const QueryLimits& limits);
Result<Format> ChooseFormat(std::string_view query_string, std::string_view accept);
Compression ChooseCompression(std::string_view accept_encoding);

// For what is there as gzip only.
bool TakesGzip(std::string_view accept_encoding);
CacheUse ChooseCacheUse(std::string_view cache_control);

// "text/csv; charset=utf-8"
std::string_view ContentTypeOf(Format format);
// As in ?format=: "csv".
std::string_view NameOf(Format format);
// As in Content-Encoding; empty for none.
std::string_view NameOf(Compression compression);

}  // namespace tarn::queryd
