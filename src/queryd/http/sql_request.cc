#include "queryd/http/sql_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <vector>

#include "base/exact_json.h"
#include "base/text.h"

namespace tarn::queryd {
namespace {

Error BodyError(std::string_view why) {
  return InvalidArgument(fmt::format("decode body: {}", why));
}

// One choice of a header like Accept (RFC 9110, 12.4.2), in lower case.
struct Choice {
  std::string name;
  double quality = 1;
};

std::vector<Choice> ReadChoices(std::string_view header) {
  std::vector<Choice> choices;
  while (!header.empty()) {
    const size_t comma = std::min(header.find(','), header.size());
    const std::string_view item = header.substr(0, comma);
    header.remove_prefix(std::min(comma + 1, header.size()));
    Choice choice{ToLowerAscii(Trim(item.substr(0, item.find(';'))))};
    for (size_t at = item.find(';'); at != std::string_view::npos; at = item.find(';', at + 1)) {
      const std::string parameter = ToLowerAscii(Trim(item.substr(at + 1)));
      if (parameter.starts_with("q=")) {
        std::from_chars(parameter.data() + 2, parameter.data() + parameter.size(), choice.quality);
      }
    }
    if (!choice.name.empty()) choices.push_back(std::move(choice));
  }
  return choices;
}

// Returns the decoded value of a parameter in a query string.
std::optional<std::string> QueryParameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    return PercentDecode(pair.substr(std::min(equals + 1, pair.size()))).value_or("");
  }
  return std::nullopt;
}

Result<uint64_t> PositiveNumber(const ExactJson& value, std::string_view name) {
  uint64_t number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [read, code] = std::from_chars(value.text.data(), end, number);
  if (value.kind != ExactJson::Kind::kNumber || code != std::errc() || read != end || number == 0) {
    return BodyError(fmt::format("{} must be a whole number of at least 1", name));
  }
  return number;
}

uint64_t Tighter(uint64_t limit, uint64_t asked) {
  return limit == 0 ? asked : std::min(limit, asked);
}

// Reads one field of the body.
Result<> ReadField(std::string_view name, const ExactJson& value, Statement& statement) {
  using Kind = ExactJson::Kind;
  if (name == "sql") {
    if (value.kind == Kind::kNull) return {};
    if (value.kind != Kind::kText) return BodyError("sql must be a text");
    statement.sql = value.text;
  } else if (name == "params") {
    if (value.kind == Kind::kNull) return {};
    if (value.kind != Kind::kList && value.kind != Kind::kObject) {
      return BodyError("params must be a list or an object");
    }
    if (!value.items.empty()) statement.params = value.Dump();
  } else if (name == "big_numbers") {
    if (value.kind != Kind::kText || (value.text != "string" && value.text != "number")) {
      return BodyError("big_numbers must be \"number\" or \"string\"");
    }
    statement.json.quote_big_numbers = value.text == "string";
  } else if (name == "timeout_ms") {
    TARN_TRY(const uint64_t number, PositiveNumber(value, name));
    if (number < static_cast<uint64_t>(Duration::max().count()) / 1'000'000) {
      statement.limits.timeout =
          std::min<Duration>(statement.limits.timeout, std::chrono::milliseconds(number));
    }
  } else if (name == "row_limit") {
    TARN_TRY(const uint64_t number, PositiveNumber(value, name));
    statement.limits.rows = Tighter(statement.limits.rows, number);
  } else if (name == "byte_limit") {
    TARN_TRY(const uint64_t number, PositiveNumber(value, name));
    statement.limits.bytes = Tighter(statement.limits.bytes, number);
  } else {
    return BodyError(fmt::format("unknown field \"{}\"", name.substr(0, 64)));
  }
  return {};
}

}  // namespace

Result<Statement> ParseSqlBody(std::string_view body, const QueryLimits& limits) {
  const Result<ExactJson> parsed = ParseExactJson(body);
  if (!parsed.ok()) return BodyError(parsed.error().message);
  if (parsed->kind != ExactJson::Kind::kObject) {
    return BodyError("must be an object, as in {\"sql\":\"SELECT 1\"}");
  }
  Statement statement;
  statement.limits = limits;
  for (size_t i = 0; i < parsed->items.size(); ++i) {
    TARN_CHECK_OK(ReadField(parsed->names[i], parsed->items[i], statement));
  }
  if (Trim(statement.sql).empty()) return InvalidArgument("sql is empty");
  return statement;
}

Result<Format> ChooseFormat(std::string_view query_string, std::string_view accept) {
  if (const auto name = QueryParameter(query_string, "format")) {
    if (const auto format = FormatOfName(*name)) return *format;
    return InvalidArgument("format: must be " + FormatNames());
  }
  // The first format in the header wins if several have the same quality.
  double best = 0;
  Format chosen = Format::kJson;
  for (const Choice& choice : ReadChoices(accept)) {
    for (const FormatDescription& known : Formats()) {
      if (choice.name != known.media_type || !(choice.quality > best)) continue;
      best = choice.quality;
      chosen = known.format;
    }
  }
  return chosen;
}

Compression ChooseCompression(std::string_view accept_encoding) {
  double gzip = 0;
  double zstd = 0;
  for (const Choice& choice : ReadChoices(accept_encoding)) {
    if (choice.name == "gzip" || choice.name == "x-gzip") gzip = choice.quality;
    if (choice.name == "zstd") zstd = choice.quality;
  }
  if (zstd > 0 && zstd >= gzip) return Compression::kZstd;
  return gzip > 0 ? Compression::kGzip : Compression::kNone;
}

bool AcceptsGzip(std::string_view accept_encoding) {
  for (const Choice& choice : ReadChoices(accept_encoding)) {
    if (choice.name == "gzip" || choice.name == "x-gzip") return choice.quality > 0;
  }
  return false;
}

CacheUse ChooseCacheUse(std::string_view cache_control) {
  CacheUse use = CacheUse::kAnswer;
  for (const Choice& choice : ReadChoices(cache_control)) {
    if (choice.name == "no-store") return CacheUse::kNone;
    // Cached results are always valid, so a maximum age matters only if it is 0.
    if (choice.name == "no-cache" || choice.name == "max-age=0") use = CacheUse::kRefresh;
  }
  return use;
}

Result<Statement> ParseSqlRequest(const http::Request& request, const QueryLimits& limits) {
  TARN_TRY(Statement statement, ParseSqlBody(request.body, limits));
  TARN_TRY(statement.format, ChooseFormat(request.query, request.Header("Accept")));
  statement.compression = ChooseCompression(request.Header("Accept-Encoding"));
  statement.cache = ChooseCacheUse(request.Header("Cache-Control"));
  return statement;
}

std::string_view NameOf(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return "";
    case Compression::kGzip:
      return "gzip";
    case Compression::kZstd:
      return "zstd";
  }
  return "";
}

}  // namespace tarn::queryd
