#pragma once

// The request of POST /sql (docs/http-api.md): its body, query string and header as a Statement.

#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "queryd/query/statement.h"

namespace tarn::queryd {

// The error is the text of the 400: "decode body: …", "sql is empty", "format: …".
Result<Statement> ParseSqlRequest(const http::Request& request, const QueryLimits& limits);

// The parts of ParseSqlRequest, for the tests.
Result<Statement> ParseSqlBody(std::string_view body, const QueryLimits& limits);
Result<Format> ChooseFormat(std::string_view query_string, std::string_view accept);
Compression ChooseCompression(std::string_view accept_encoding);
// By Cache-Control (RFC 9111, 5.2.1).
CacheUse ChooseCacheUse(std::string_view cache_control);

// True if Accept-Encoding allows gzip. For content that exists compressed by gzip only.
bool AcceptsGzip(std::string_view accept_encoding);

// The value of Content-Encoding; empty for none.
std::string_view NameOf(Compression compression);

}  // namespace tarn::queryd
