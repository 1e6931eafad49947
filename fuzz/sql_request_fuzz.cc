// queryd/http/sql_request: the body, the query string and the headers of POST /sql, which are the
// parts of the input: one line each for the query string, Accept and Accept-Encoding, then the
// body.

#include "base/exact_json.h"
#include "base/text.h"
#include "fuzz.h"
#include "queryd/http/sql_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest = tarn::fuzz::Text(data, size);
  tarn::http::Request request;
  request.query = tarn::fuzz::TakeLine(rest);
  request.headers.emplace_back("accept", tarn::fuzz::TakeLine(rest));
  request.headers.emplace_back("accept-encoding", tarn::fuzz::TakeLine(rest));
  request.body = rest;
  const tarn::queryd::QueryLimits limits{
      .timeout = std::chrono::minutes(5), .rows = 1000, .bytes = 1'000'000};
  const auto sql = tarn::queryd::ParseSqlRequest(request, limits);
  if (!sql.ok()) {
    FUZZ_CHECK(sql.error().kind == tarn::ErrorKind::kInvalidArgument, sql.error().message);
    FUZZ_CHECK(sql.error().message == "sql is empty" ||
                   sql.error().message.starts_with("decode body: ") ||
                   sql.error().message.starts_with("format: "),
               sql.error().message);
    return 0;
  }
  // A request can only lower the limits.
  FUZZ_CHECK(sql->limits.timeout > tarn::Duration::zero(), rest);
  FUZZ_CHECK(sql->limits.timeout <= limits.timeout, rest);
  FUZZ_CHECK(sql->limits.rows > 0 && sql->limits.rows <= limits.rows, rest);
  FUZZ_CHECK(sql->limits.bytes > 0 && sql->limits.bytes <= limits.bytes, rest);
  FUZZ_CHECK(tarn::IsValidUtf8(sql->sql), rest);
  FUZZ_CHECK(sql->params.empty() || tarn::ParseExactJson(sql->params).ok(), sql->params);
  FUZZ_CHECK(!tarn::Describe(sql->format).content_type.empty(), rest);
  FUZZ_CHECK(!tarn::Describe(sql->format).name.empty(), rest);
  return 0;
}
