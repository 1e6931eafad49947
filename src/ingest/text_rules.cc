#include "ingest/text_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/text.h"
#include "ingest/number_text.h"
#include "ingest/text_kinds.h"

namespace tarn::ingest {
namespace {

// A number without an exponent.
struct PlainNumber {
  bool is_negative = false;
  std::string_view whole;     // Without leading zeros.
  std::string_view decimals;  // Without trailing zeros.
};

bool ReadPlainNumber(std::string_view text, PlainNumber& number) {
  number.is_negative = text.starts_with('-');
  if (number.is_negative || text.starts_with('+')) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  number.whole = text.substr(0, point);
  number.decimals = text.substr(std::min(point + 1, text.size()));
  if (number.whole.empty() && number.decimals.empty()) return false;
  for (const std::string_view digits : {number.whole, number.decimals}) {
    if (digits.find_first_not_of("0123456789") != std::string_view::npos) return false;
  }
  while (number.whole.starts_with('0')) number.whole.remove_prefix(1);
  while (number.decimals.ends_with('0')) number.decimals.remove_suffix(1);
  return true;
}

template <class T>
bool FitsInteger(std::string_view text) {
  PlainNumber number;
  text = Trim(text);
  // DuckDB reads ".0" as 0, which is no integer.
  if (text.find_first_of('.') == text.find_first_of("0123456789.")) return false;
  if (!ReadPlainNumber(text, number) || !number.decimals.empty()) return false;
  const bool is_unsigned = std::numeric_limits<T>::min() == 0;
  if (number.is_negative && is_unsigned) return false;
  if (number.whole.empty()) return true;
  uint64_t value = 0;
  const char* const end = number.whole.data() + number.whole.size();
  if (std::from_chars(number.whole.data(), end, value).ec != std::errc()) return false;
  const auto max = static_cast<uint64_t>(std::numeric_limits<T>::max());
  return value <= (number.is_negative ? max + 1 : max);
}

// "DECIMAL(18,3)"
TextRule RuleOfDecimal(std::string_view type) {
  constexpr std::string_view kStart = "DECIMAL(";
  size_t width = 0;
  size_t scale = 0;
  const char* const end = type.data() + type.size();
  const auto read = std::from_chars(type.data() + kStart.size(), end, width);
  if (read.ec != std::errc() || read.ptr == end || *read.ptr != ',') return nullptr;
  if (std::from_chars(read.ptr + 1, end, scale).ec != std::errc()) return nullptr;
  return [width, scale](std::string_view text) {
    PlainNumber number;
    return ReadPlainNumber(Trim(text), number) && number.decimals.size() <= scale &&
           number.whole.size() + scale <= width;
  };
}

bool IsOfKind(std::string_view text, KindSet kinds) { return KindsOf(Trim(text), kinds) != 0; }

// A day, also as a time at midnight.
bool IsDay(std::string_view text) {
  if (IsOfKind(text, kDate)) return true;
  text = Trim(text);
  const size_t time = text.find_first_of(" T");
  return IsOfKind(text, kTimestamp) &&
         text.substr(std::min(time + 1, text.size())).find_first_not_of("0:.") ==
             std::string_view::npos;
}

// A hint for a refusal whose reason is not obvious from the text.
std::string_view HintOf(std::string_view type, std::string_view text) {
  if (type == "BOOLEAN") return ": write true or false";
  if (type == "DATE") return ": set the format of dates, as in --with dateformat=%d/%m/%Y";
  const bool is_floating = type == "DOUBLE" || type == "FLOAT";
  return is_floating && ParseDecimal(Trim(text)) ? ", because its digits would change" : "";
}

bool IsBits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("01") == std::string_view::npos;
}

}  // namespace

TextRule RuleOf(std::string_view type) {
  static const std::pair<std::string_view, TextRule> kRules[] = {
      {"TINYINT", &FitsInteger<int8_t>},
      {"SMALLINT", &FitsInteger<int16_t>},
      {"INTEGER", &FitsInteger<int32_t>},
      {"BIGINT", &FitsInteger<int64_t>},
      {"UTINYINT", &FitsInteger<uint8_t>},
      {"USMALLINT", &FitsInteger<uint16_t>},
      {"UINTEGER", &FitsInteger<uint32_t>},
      {"UBIGINT", &FitsInteger<uint64_t>},
      {"DOUBLE", [](auto text) { return IsNotFinite(Trim(text)) || FitsDouble(Trim(text)); }},
      {"FLOAT", [](auto text) { return IsNotFinite(Trim(text)) || FitsFloat(Trim(text)); }},
      {"BOOLEAN",
       [](auto text) { return EqualsIgnoreCase(text, "true") || EqualsIgnoreCase(text, "false"); }},
      {"BIT", &IsBits},
      {"UUID", [](auto text) { return KindsOf(text, kUuid) != 0; }},
      {"TIME", [](auto text) { return KindsOf(text, kTime) != 0; }},
      {"DATE", &IsDay},
      {"TIMESTAMP", [](auto text) { return IsOfKind(text, kTimestamp); }},
      {"TIMESTAMP_NS", [](auto text) { return IsOfKind(text, kTimestampNs); }},
      {"TIMESTAMP WITH TIME ZONE", [](auto text) { return IsOfKind(text, kTimestampTz); }},
  };
  if (type.starts_with("DECIMAL(")) return RuleOfDecimal(type);
  for (const auto& [name, rule] : kRules) {
    if (name == type) return rule;
  }
  return nullptr;
}

TextRule RuleAgainst(const std::string& text, size_t cut_at) {
  // A text with fewer bytes has fewer characters too.
  const bool is_complete = text.size() < cut_at;
  return [text, is_complete](std::string_view other) {
    return is_complete ? other != text : !other.starts_with(text);
  };
}

Result<> CheckText(const ColumnRule& rule, std::string_view column, std::string_view text) {
  if (rule.holds == nullptr || rule.holds(text)) return {};
  constexpr size_t kTextBytes = 100;
  return InvalidArgument(fmt::format("column \"{}\": \"{}\" is no {}{}", column,
                                     Shortened(ToValidUtf8(text), kTextBytes), rule.type,
                                     HintOf(rule.type, text)));
}

}  // namespace tarn::ingest
