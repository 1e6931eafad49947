#pragma once

// Parses the body, query string and header of POST /sql (docs/http-api.md).

#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "queryd/query/statement.h"

namespace tarn::queryd {

// Returns the statement, or the message of the error 400: "decode body: …", "sql is empty",
// "format: …".
Result<Statement> ParseSqlRequest(const http::Request& request, const QueryLimits& limits);

// The parts of ParseSqlRequest, for tests.
Result<Statement> ParseSqlBody(std::string_view body, const QueryLimits& limits);
Result<Format> ChooseFormat(std::string_view query_string, std::string_view accept);
Compression ChooseCompression(std::string_view accept_encoding);
// Reads Cache-Control (RFC 9111, 5.2.1).
CacheUse ChooseCacheUse(std::string_view cache_control);

// Returns true if Accept-Encoding allows gzip. For content that is available only with gzip.
bool AcceptsGzip(std::string_view accept_encoding);

// Returns the value of Content-Encoding, or "" for none.
std::string_view NameOf(Compression compression);

}  // namespace tarn::queryd
