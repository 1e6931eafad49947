#include "ingest/text_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "duck/quote.h"

namespace tarn::ingest {
namespace {

constexpr std::array<std::string_view, 10> kIntegers = {
    "TINYINT",  "SMALLINT",  "INTEGER",  "BIGINT",  "HUGEINT",
    "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"};

bool IsInteger(std::string_view type) {
  return std::find(kIntegers.begin(), kIntegers.end(), type) != kIntegers.end();
}

bool IsFloating(std::string_view type) { return type == "DOUBLE" || type == "FLOAT"; }

// The scale of a type such as "DECIMAL(18,3)".
std::optional<int> ScaleOf(std::string_view type) {
  const size_t comma = type.find(',');
  if (!type.starts_with("DECIMAL(") || comma == std::string_view::npos) return std::nullopt;
  int scale = 0;
  std::from_chars(type.data() + comma + 1, type.data() + type.size(), scale);
  return scale;
}

// RE2
std::string Matches(std::string_view column, std::string_view pattern) {
  return fmt::format("regexp_full_match({}, {})", column, duck::QuoteLiteral(pattern));
}

// The same, with white space around it.
std::string MatchesPadded(std::string_view column, std::string_view pattern) {
  return Matches(column, fmt::format("\\s*(?:{})\\s*", pattern));
}

std::string MatchesAnyFormat(std::string_view column, const std::set<std::string>& formats) {
  std::string list;
  for (const std::string& format : formats) {
    if (!list.empty()) list += ", ";
    list += duck::QuoteLiteral(format);
  }
  return fmt::format("try_strptime({}, [{}]) IS NOT NULL", column, list);
}

constexpr std::string_view kDay = R"(\d{4}-\d{1,2}-\d{1,2})";
// DuckDB's times have microseconds, except for TIMESTAMP_NS.
constexpr std::string_view kTimeForm = R"(\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6}0*)?)?)";
constexpr std::string_view kTimeNsForm = R"(\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9}0*)?)?)";
constexpr std::string_view kZone = R"(\s*(?:[zZ]|UTC|[+-]\d{2}(?::?\d{2})?))";
constexpr std::string_view kInfinity = "-?infinity";
constexpr std::string_view kUuidForm = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

std::string Moment(std::string_view time) {
  return fmt::format("{}(?:[ T]{})?|{}", kDay, time, kInfinity);
}

// A DOUBLE represents 15 digits of any integer. In numbers with a point or an exponent, 17 digits
// are accepted. Leading zeros indicate a code.
std::string DoubleForm(char separator) {
  const std::string point = fmt::format("[{}]", separator);
  const std::string whole = R"((?:0|[1-9]\d*))";
  return fmt::format(R"(-?(?:0|[1-9]\d{{0,14}})|[+-]?{0}?{1}\d+(?:[eE][+-]?\d+)?|[+-]?{0}{1}|)"
                     R"([+-]?{0}{1}?[eE][+-]?\d+|[+-]?(?i:nan|inf|infinity))",
                     whole, point);
}

std::string Replaced(std::string_view column, char c, std::string_view by) {
  return fmt::format("replace({}, {}, '{}')", column, duck::QuoteLiteral(std::string(1, c)), by);
}

std::string Castable(std::string_view column, std::string_view type) {
  return fmt::format("TRY_CAST({} AS {}) IS NOT NULL", column, type);
}

// Both conditions. DuckDB evaluates both sides of an AND for all rows, but only the necessary
// branches of a CASE.
std::string Both(const std::string& first, const std::string& second) {
  return fmt::format("CASE WHEN {} THEN {} ELSE false END", first, second);
}

// For integers without leading zeros. Checks only those with many digits.
std::string FitsIn(std::string_view column, std::string_view type) {
  return fmt::format("CASE WHEN length({}) < 19 THEN true ELSE {} END", column,
                     Castable(column, type));
}

// True for finite numbers, and for the texts of infinity and NaN.
std::string IsFinite(std::string_view column, std::string_view type) {
  return fmt::format("(isfinite(TRY_CAST({0} AS {1})) OR regexp_matches({0}, '[nN]'))", column,
                     type);
}

// Checks numbers with many digits or exponents: 15 digits print back if the number is not too
// close to 0, others must print back themselves.
std::string DoubleCondition(std::string_view column) {
  constexpr int kDigits = 15;
  return fmt::format(
      "CASE WHEN length({0}) <= {1} AND NOT contains({0}, 'e') AND NOT contains({0}, 'E') THEN "
      "true "
      "WHEN regexp_matches({0}, '[nN]') THEN true "
      "WHEN regexp_full_match({0}, '[^1-9eE]*(?:[eE].*)?') THEN TRY_CAST({0} AS DOUBLE) = 0 "
      "WHEN length(ltrim(regexp_replace(regexp_extract({0}, '[^eE]*'), '[^0-9]', '', 'g'), '0')) "
      "<= {1} THEN abs(TRY_CAST({0} AS DOUBLE)) >= 2.3e-308 AND isfinite(TRY_CAST({0} AS DOUBLE)) "
      "ELSE CAST(TRY_CAST({0} AS DOUBLE) AS VARCHAR) = {0} END",
      column, kDigits);
}

std::string MatchesWithZone(std::string_view column, std::string_view time) {
  return Both(Matches(column, fmt::format("{}[ T]{}{}|{}", kDay, time, kZone, kInfinity)),
              Castable(column, "TIMESTAMPTZ"));
}

}  // namespace

std::string TextForms::IsOfType(std::string_view column, std::string_view type) const {
  const std::string number = thousands == 0 ? std::string(column) : Replaced(column, thousands, "");
  if (type == "BIGINT") {
    return Both(Matches(number, R"(-?(?:0|[1-9]\d{0,18}))"), FitsIn(number, type));
  }
  if (type == "UBIGINT") {
    return Both(Matches(number, R"(0|[1-9]\d{0,19})"), FitsIn(number, type));
  }
  if (type == "DECIMAL(38,0)") return Matches(number, R"(-?(?:0|[1-9]\d{0,37}))");
  if (type == "DOUBLE") {
    const std::string plain =
        decimal_separator == '.' ? number : Replaced(number, decimal_separator, ".");
    return Both(Matches(number, DoubleForm(decimal_separator)), DoubleCondition(plain));
  }
  if (type == "BOOLEAN") return Matches(column, "(?i:true|false)");
  if (type == "UUID") return Matches(column, kUuidForm);
  if (type == "TIME") return Both(Matches(column, kTimeForm), Castable(column, type));
  if (type == "DATE") {
    return date_formats.empty() ? Both(Matches(column, fmt::format("{}|{}", kDay, kInfinity)),
                                       Castable(column, type))
                                : MatchesAnyFormat(column, date_formats);
  }
  if (type.starts_with("TIMESTAMP") && !timestamp_formats.empty()) {
    return MatchesAnyFormat(column, timestamp_formats);
  }
  if (type == "TIMESTAMP") return Both(Matches(column, Moment(kTimeForm)), Castable(column, type));
  if (type == "TIMESTAMP_NS")
    return Both(Matches(column, Moment(kTimeNsForm)), Castable(column, type));
  if (type == "TIMESTAMP WITH TIME ZONE") return MatchesWithZone(column, kTimeForm);
  if (type == kTimestampOfNanoseconds) return MatchesWithZone(column, kTimeNsForm);
  return "true";
}

std::string TextForms::CanBecome(std::string_view column, std::string_view type) const {
  const std::string castable = Castable(column, type);
  if (type == "BOOLEAN") return Matches(column, "(?i:true|false)");
  if (IsInteger(type)) return Both(MatchesPadded(column, R"([+-]?\d+(?:\.0*)?)"), castable);
  if (type == "DOUBLE") {
    const std::string digits = R"([+-]?\d+)";
    return fmt::format(
        "CASE WHEN {0} THEN TRY_CAST(TRY_CAST({1} AS DOUBLE) AS HUGEINT) = TRY_CAST({1} AS "
        "HUGEINT) "
        "WHEN {2} THEN {3} ELSE false END",
        MatchesPadded(column, digits), column, castable,
        DoubleCondition(fmt::format("trim({})", column)));
  }
  if (IsFloating(type)) {
    // Each digit of an integer counts.
    const std::string exact = fmt::format(
        "TRY_CAST(TRY_CAST({0} AS {1}) AS HUGEINT) = TRY_CAST({0} AS HUGEINT)", column, type);
    return fmt::format("CASE WHEN {} THEN {} ELSE {} AND {} END",
                       MatchesPadded(column, R"([+-]?\d+)"), exact, castable,
                       IsFinite(column, type));
  }
  if (const std::optional<int> scale = ScaleOf(type)) {
    return Both(MatchesPadded(column, fmt::format(R"([+-]?\d*(?:\.\d{{0,{}}}0*)?)", *scale)),
                castable);
  }
  return "true";
}

bool HasLooseRule(std::string_view type) {
  return type == "BOOLEAN" || IsInteger(type) || IsFloating(type) || ScaleOf(type).has_value();
}

std::vector<std::string> WiderTypes(std::string_view seen) {
  if (seen == "BIGINT") return {"BIGINT", "UBIGINT", "DECIMAL(38,0)", "DOUBLE"};
  if (seen == "DOUBLE") return {"DOUBLE", "UBIGINT", "DECIMAL(38,0)"};
  if (seen == "DATE") return {"DATE", "TIMESTAMP", "TIMESTAMP_NS"};
  if (seen == "TIMESTAMP") return {"TIMESTAMP", "TIMESTAMP_NS"};
  if (seen == "TIMESTAMP WITH TIME ZONE") {
    return {std::string(seen), std::string(kTimestampOfNanoseconds)};
  }
  for (const char* type : {"BOOLEAN", "TIME", "UUID"}) {
    if (seen == type) return {type};
  }
  return {};
}

std::vector<std::string> TypesOfUnseen() {
  return {"BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"};
}

}  // namespace tarn::ingest
