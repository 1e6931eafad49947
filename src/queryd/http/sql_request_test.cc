#include "queryd/http/sql_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "base/exact_json.h"

namespace tarn::queryd {
namespace {

using namespace std::chrono_literals;
using testing::StartsWith;

constexpr QueryLimits kLimits{.timeout = 30s, .rows = 1000, .bytes = 5000};

Statement Parse(std::string_view body, const QueryLimits& limits = kLimits) {
  Result<Statement> request = ParseSqlBody(body, limits);
  if (!request.ok()) throw std::runtime_error(request.error().message);
  return std::move(*request);
}

std::string ErrorOf(std::string_view body) {
  const Result<Statement> request = ParseSqlBody(body, kLimits);
  if (request.ok()) return "";
  EXPECT_EQ(request.error().kind, ErrorKind::kInvalidArgument);
  return request.error().message;
}

TEST(ParseSqlBody, ReadsEveryField) {
  const Statement request =
      Parse(R"({"params":[1,"a",0.10],"big_numbers":"string","timeout_ms":10,"row_limit":20,)"
            R"("byte_limit":30,"sql":" SELECT 1;\u0000 "})");
  EXPECT_EQ(request.sql, std::string(" SELECT 1;\0 ", 12));
  EXPECT_EQ(request.params, R"([1,"a",0.10])") << "digits stay as they are";
  EXPECT_TRUE(request.json.quote_big_numbers);
  EXPECT_EQ(request.limits.timeout, 10ms);
  EXPECT_EQ(request.limits.rows, 20U);
  EXPECT_EQ(request.limits.bytes, 30U);
}

TEST(ParseSqlBody, MissingFieldsHaveDefaults) {
  const Statement request = Parse(R"({"sql":"SELECT 1"})");
  EXPECT_EQ(request.sql, "SELECT 1");
  EXPECT_EQ(request.params, "");
  EXPECT_EQ(request.format, Format::kJson);
  EXPECT_EQ(request.compression, Compression::kNone);
  EXPECT_FALSE(request.json.quote_big_numbers);
  EXPECT_EQ(request.limits.timeout, 30s);
  EXPECT_EQ(request.limits.rows, 1000U);
  EXPECT_EQ(request.limits.bytes, 5000U);
}

TEST(ParseSqlBody, AcceptsParametersAsAListOrAnObject) {
  EXPECT_EQ(Parse(R"({"sql":"x","params":{"a":[null,true]}})").params, R"({"a":[null,true]})");
  for (const char* none : {"null", "[]", "{}"}) {
    EXPECT_EQ(Parse(std::string(R"({"sql":"x","params":)") + none + "}").params, "") << none;
  }
  EXPECT_FALSE(Parse(R"({"sql":"x","big_numbers":"number"})").json.quote_big_numbers);
}

TEST(ParseSqlBody, RequestsCanOnlyLowerLimits) {
  const Statement more =
      Parse(R"({"sql":"x","timeout_ms":60000,"row_limit":2000,"byte_limit":9000})");
  EXPECT_EQ(more.limits.timeout, 30s);
  EXPECT_EQ(more.limits.rows, 1000U);
  EXPECT_EQ(more.limits.bytes, 5000U);
  const Statement unbounded = Parse(R"({"sql":"x","row_limit":2000,"byte_limit":9000})",
                                    {.timeout = 30s, .rows = 0, .bytes = 0});
  EXPECT_EQ(unbounded.limits.rows, 2000U);
  EXPECT_EQ(unbounded.limits.bytes, 9000U);
  // These numbers of milliseconds do not fit into a Duration.
  EXPECT_EQ(Parse(R"({"sql":"x","timeout_ms":18446744073709551615})").limits.timeout, 30s);
  EXPECT_EQ(Parse(R"({"sql":"x","timeout_ms":9223372036855})").limits.timeout, 30s);
}

TEST(ParseSqlBody, ReportsInvalidFields) {
  EXPECT_THAT(ErrorOf(""), StartsWith("decode body: "));
  EXPECT_THAT(ErrorOf("{"), StartsWith("decode body: "));
  EXPECT_THAT(ErrorOf(R"({"sql":"x"} )"
                      "{}"),
              StartsWith("decode body: "));
  EXPECT_THAT(ErrorOf("{\"sql\":\"\xFF\"}"), StartsWith("decode body: "));
  EXPECT_THAT(ErrorOf(R"({"sql":"x","sql":"y"})"), StartsWith("decode body: "));
  EXPECT_EQ(ErrorOf("[1]"), "decode body: must be an object, as in {\"sql\":\"SELECT 1\"}");
  EXPECT_EQ(ErrorOf(R"({"sql":1})"), "decode body: sql must be a text");
  EXPECT_EQ(ErrorOf(R"({"sql":"x","params":"[1]"})"),
            "decode body: params must be a list or an object");
  EXPECT_EQ(ErrorOf(R"({"sql":"x","params":1})"),
            "decode body: params must be a list or an object");
  for (const char* value : {"1", "null", "\"text\"", "true"}) {
    EXPECT_EQ(ErrorOf(std::string(R"({"sql":"x","big_numbers":)") + value + "}"),
              "decode body: big_numbers must be \"number\" or \"string\"");
  }
  EXPECT_EQ(ErrorOf(R"({"sql":"x","parms":1})"), "decode body: unknown field \"parms\"");
  EXPECT_EQ(ErrorOf(R"({"sql":"x",")" + std::string(1000, 'a') + R"(":1})"),
            "decode body: unknown field \"" + std::string(64, 'a') + "\"");
  EXPECT_EQ(ErrorOf("{}"), "sql is empty");
  EXPECT_EQ(ErrorOf(R"({"sql":null})"), "sql is empty");
  EXPECT_EQ(ErrorOf(R"({"sql":" \n\t"})"), "sql is empty");
}

TEST(ParseSqlBody, LimitsAreWholeNumbersOfAtLeastOne) {
  for (const char* field : {"timeout_ms", "row_limit", "byte_limit"}) {
    for (const char* value :
         {"0", "-1", "1.0", "1e3", "\"1\"", "null", "true", "[]", "18446744073709551616"}) {
      EXPECT_EQ(ErrorOf(std::string(R"({"sql":"x",")") + field + "\":" + value + "}"),
                std::string("decode body: ") + field + " must be a whole number of at least 1")
          << value;
    }
  }
}

Format Chosen(std::string_view query, std::string_view accept) {
  const Result<Format> format = ChooseFormat(query, accept);
  if (!format.ok()) throw std::runtime_error(format.error().message);
  return *format;
}

TEST(ChooseFormat, PrefersTheQueryStringToTheHeader) {
  EXPECT_EQ(Chosen("format=csv", "application/json"), Format::kCsv);
  EXPECT_EQ(Chosen("a=1&format=arrow&format=csv", ""), Format::kArrow) << "the first counts";
  EXPECT_EQ(Chosen("format=%6Edjson", ""), Format::kNdjson);
  EXPECT_EQ(Chosen("format=json", "text/csv"), Format::kJson);
  EXPECT_EQ(Chosen("formats=csv&xformat=csv", ""), Format::kJson);
  for (const char* query : {"format=", "format", "format=CSV", "format=xml", "format=%zz"}) {
    const Result<Format> format = ChooseFormat(query, "text/csv");
    ASSERT_FALSE(format.ok()) << query;
    EXPECT_EQ(format.error().message, "format: must be json, ndjson, csv or arrow");
  }
}

TEST(ChooseFormat, ReadsMediaTypesOfTheHeader) {
  for (const char* accept : {"", "*/*", "text/html", "application/json", "text/csv;q=0",
                             "application/*, text/csv;q=0.0", ",;,", ";q=1"}) {
    EXPECT_EQ(Chosen("", accept), Format::kJson) << accept;
  }
  EXPECT_EQ(Chosen("", "text/csv"), Format::kCsv);
  EXPECT_EQ(Chosen("", "TEXT/CSV; charset=utf-8"), Format::kCsv);
  EXPECT_EQ(Chosen("", "application/x-ndjson"), Format::kNdjson);
  EXPECT_EQ(Chosen("", "text/html, application/vnd.apache.arrow.stream ;q=0.1"), Format::kArrow);
  EXPECT_EQ(Chosen("", "application/json;q=0.5, text/csv;q=0.9"), Format::kCsv);
  EXPECT_EQ(Chosen("", "application/json;q=0.9, text/csv;Q=0.5"), Format::kJson);
  EXPECT_EQ(Chosen("", "text/csv, application/json"), Format::kCsv) << "alike: the first";
  EXPECT_EQ(Chosen("", "text/csv;header=present;q=0.2, application/x-ndjson;q=0.3"),
            Format::kNdjson);
}

TEST(ChooseCompression, ChoosesTheHighestQuality) {
  for (const char* none :
       {"", "identity", "br", "*", "gzip;q=0", "zstd;q=0, gzip; q=0.000", "gzipped"}) {
    EXPECT_EQ(ChooseCompression(none), Compression::kNone) << none;
  }
  EXPECT_EQ(ChooseCompression("gzip"), Compression::kGzip);
  EXPECT_EQ(ChooseCompression("X-GZIP"), Compression::kGzip);
  EXPECT_EQ(ChooseCompression("gzip, deflate, br"), Compression::kGzip);
  EXPECT_EQ(ChooseCompression("gzip, deflate, br, zstd"), Compression::kZstd);
  EXPECT_EQ(ChooseCompression("gzip;q=1.0, zstd;q=0.5"), Compression::kGzip);
  EXPECT_EQ(ChooseCompression("gzip;q=0.5, zstd;q=0.5"), Compression::kZstd);
}

TEST(AcceptsGzip, EvenIfAnotherIsPreferred) {
  for (const char* no : {"", "identity", "br", "*", "gzip;q=0", "zstd", "gzipped"}) {
    EXPECT_FALSE(AcceptsGzip(no)) << no;
  }
  for (const char* yes : {"gzip", "X-GZIP", "gzip, deflate, br, zstd", "zstd, gzip;q=0.1"}) {
    EXPECT_TRUE(AcceptsGzip(yes)) << yes;
  }
}

TEST(ChooseCacheUse, ChoosesTheStrictest) {
  for (const char* any : {"", "max-age=10", "no-transform", "x-no-cache", "only-if-cached"}) {
    EXPECT_EQ(ChooseCacheUse(any), CacheUse::kAnswer) << any;
  }
  for (const char* fresh : {"no-cache", "No-Cache", "max-age=0", "no-transform, no-cache"}) {
    EXPECT_EQ(ChooseCacheUse(fresh), CacheUse::kRefresh) << fresh;
  }
  for (const char* none : {"no-store", "no-cache, no-store", "no-store,max-age=0"}) {
    EXPECT_EQ(ChooseCacheUse(none), CacheUse::kNone) << none;
  }
}

TEST(ParseSqlRequest, CombinesBodyQueryStringAndHeaders) {
  http::Request request;
  request.body = R"({"sql":"SELECT 1","row_limit":5})";
  request.headers = {
      {"accept", "text/csv"}, {"ACCEPT-ENCODING", "gzip"}, {"cache-control", "no-cache"}};
  const Result<Statement> parsed = ParseSqlRequest(request, kLimits);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->sql, "SELECT 1");
  EXPECT_EQ(parsed->limits.rows, 5U);
  EXPECT_EQ(parsed->format, Format::kCsv);
  EXPECT_EQ(parsed->compression, Compression::kGzip);
  EXPECT_EQ(parsed->cache, CacheUse::kRefresh);
  request.query = "format=ndjson";
  EXPECT_EQ(ParseSqlRequest(request, kLimits)->format, Format::kNdjson);
  request.query = "format=no";
  EXPECT_EQ(ParseSqlRequest(request, kLimits).error().message,
            "format: must be json, ndjson, csv or arrow");
}

TEST(NameOf, ReturnsNamesOfFormats) {
  for (const auto& [format, name, type] :
       {std::tuple{Format::kJson, "json", "application/json"},
        {Format::kNdjson, "ndjson", "application/x-ndjson"},
        {Format::kCsv, "csv", "text/csv; charset=utf-8; header=present"},
        {Format::kArrow, "arrow", "application/vnd.apache.arrow.stream"}}) {
    EXPECT_EQ(Describe(format).name, name);
    EXPECT_EQ(Describe(format).content_type, type);
  }
  EXPECT_EQ(NameOf(Compression::kNone), "");
  EXPECT_EQ(NameOf(Compression::kGzip), "gzip");
  EXPECT_EQ(NameOf(Compression::kZstd), "zstd");
}

// Changes bytes of valid texts. Some results are still valid.
class Mutations {
 public:
  explicit Mutations(std::vector<std::string> samples) : samples_(std::move(samples)) {}

  std::string Next() {
    std::string text = samples_[random_() % samples_.size()];
    for (size_t changes = random_() % 4; changes > 0 && !text.empty(); --changes) {
      const size_t at = random_() % text.size();
      switch (random_() % 4) {
        case 0:
          text[at] = static_cast<char>(random_());
          break;
        case 1:
          text.erase(at, 1 + random_() % 3);
          break;
        case 2:
          text.insert(at, text.substr(random_() % text.size(), 1 + random_() % 8));
          break;
        default:
          text[at] = "{}[]\",:\\0;=&%q"[random_() % 14];
      }
    }
    return text;
  }

 private:
  const std::vector<std::string> samples_;
  std::mt19937 random_{20261};  // NOLINT: the same in every run
};

TEST(ParseSqlBody, RandomBytesDoNoHarm) {
  Mutations bodies({R"({"sql":"SELECT 1","params":[1,{"a":[null,"\u00e9\ud83d\ude00"]},-0.5e10]})",
                    R"({"sql":"x","params":{"a":true},"timeout_ms":10,"row_limit":1})",
                    R"({"big_numbers":"string","byte_limit":12,"sql":"x"})", "[[[[[[1]]]]]]"});
  size_t good = 0;
  size_t bad = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string body = bodies.Next();
    const Result<Statement> request = ParseSqlBody(body, kLimits);
    if (!request.ok()) {
      ++bad;
      ASSERT_EQ(request.error().kind, ErrorKind::kInvalidArgument) << body;
      continue;
    }
    ++good;
    ASSERT_FALSE(request->sql.empty());
    ASSERT_LE(request->limits.timeout, kLimits.timeout) << body;
    ASSERT_GT(request->limits.timeout, Duration::zero()) << body;
    ASSERT_LE(request->limits.rows, kLimits.rows) << body;
    ASSERT_LE(request->limits.bytes, kLimits.bytes) << body;
    if (request->params.empty()) continue;
    // The engine parses the parameters again.
    const Result<ExactJson> params = ParseExactJson(request->params);
    ASSERT_TRUE(params.ok()) << body;
    ASSERT_EQ(params->Dump(), request->params) << body;
  }
  EXPECT_GT(good, 10'000U);
  EXPECT_GT(bad, 10'000U);
}

TEST(ChooseFormat, RandomBytesDoNoHarm) {
  Mutations headers({"text/csv;q=0.5, application/json;q=1e9, */*",
                     "gzip;q=0.1, zstd;q=nan;x=\"a,b\"", "format=csv&a=%41&format=%", "a&&=&="});
  for (int i = 0; i < 100'000; ++i) {
    const std::string text = headers.Next();
    const Result<Format> format = ChooseFormat(text, text);
    if (format.ok()) {
      ASSERT_FALSE(Describe(*format).name.empty());
    }
    [[maybe_unused]] const std::string_view name = NameOf(ChooseCompression(text));
  }
}

}  // namespace
}  // namespace tarn::queryd
