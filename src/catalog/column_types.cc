#include "catalog/column_types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace tarn::catalog {
namespace {

// A text may nest as deeply as it is long, and each level costs a call.
constexpr int kDepthMax = 64;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Where the quoted text that begins at `i` ends: past its last quote, of which two stand for one.
size_t EndOfQuoted(std::string_view text, size_t i) {
  const char quote = text[i];
  for (++i; i < text.size(); ++i) {
    if (text[i] != quote) continue;
    if (i + 1 < text.size() && text[i + 1] == quote) {
      ++i;
    } else {
      return i + 1;
    }
  }
  return i;
}

// Upper case outside of quotes, one space between words and none elsewhere.
std::string Canonical(std::string_view text) {
  constexpr std::string_view kPunctuation = "(),[]";
  std::string out;
  bool space = false;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (IsSpace(c)) {
      space = true;
      ++i;
      continue;
    }
    const bool glued = kPunctuation.find(c) != std::string_view::npos || out.empty() ||
                       kPunctuation.find(out.back()) != std::string_view::npos;
    if (space && !glued) out += ' ';
    space = false;
    if (c == '"' || c == '\'') {
      const size_t end = EndOfQuoted(text, i);
      out += text.substr(i, end - i);
      i = end;
    } else {
      out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      ++i;
    }
  }
  return out;
}

// The parts between commas that stand in no brackets and no quotes.
std::vector<std::string_view> SplitAtCommas(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      i = EndOfQuoted(text, i);
      continue;
    }
    if (c == '(' || c == '[') ++depth;
    if (c == ')' || c == ']') --depth;
    if (c == ',' && depth == 0) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
    ++i;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

// DuckDB's other names (https://duckdb.org/docs/stable/sql/data_types/overview).
constexpr std::array<std::pair<std::string_view, std::string_view>, 39> kAliases = {{
    {"INT8", "BIGINT"},
    {"LONG", "BIGINT"},
    {"BITSTRING", "BIT"},
    {"BYTEA", "BLOB"},
    {"BINARY", "BLOB"},
    {"VARBINARY", "BLOB"},
    {"BOOL", "BOOLEAN"},
    {"LOGICAL", "BOOLEAN"},
    {"NUMERIC", "DECIMAL(18,3)"},
    {"DECIMAL", "DECIMAL(18,3)"},
    {"DEC", "DECIMAL(18,3)"},
    {"FLOAT8", "DOUBLE"},
    {"DOUBLE PRECISION", "DOUBLE"},
    {"FLOAT4", "FLOAT"},
    {"REAL", "FLOAT"},
    {"INT128", "HUGEINT"},
    {"INT4", "INTEGER"},
    {"INT", "INTEGER"},
    {"INT32", "INTEGER"},
    {"SIGNED", "INTEGER"},
    {"INT64", "BIGINT"},
    {"INT2", "SMALLINT"},
    {"INT16", "SMALLINT"},
    {"SHORT", "SMALLINT"},
    {"INT1", "TINYINT"},
    {"TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"},
    {"DATETIME", "TIMESTAMP"},
    {"TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP"},
    {"TIMETZ", "TIME WITH TIME ZONE"},
    {"TIME WITHOUT TIME ZONE", "TIME"},
    {"UINT64", "UBIGINT"},
    {"UINT32", "UINTEGER"},
    {"UINT16", "USMALLINT"},
    {"UINT8", "UTINYINT"},
    {"UINT128", "UHUGEINT"},
    {"TEXT", "VARCHAR"},
    {"STRING", "VARCHAR"},
    {"CHAR", "VARCHAR"},
    {"BPCHAR", "VARCHAR"},
}};

std::string_view WithoutAlias(std::string_view type) {
  for (const auto& [alias, name] : kAliases) {
    if (type == alias) return name;
  }
  return type;
}

struct Integer {
  int bits = 0;
  bool is_signed = true;
};

std::optional<Integer> ToInteger(std::string_view type) {
  constexpr std::array<std::string_view, 5> kNames = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT",
                                                      "HUGEINT"};
  const bool is_signed = !type.starts_with('U');
  if (!is_signed) type.remove_prefix(1);
  int bits = 8;
  for (const std::string_view name : kNames) {
    if (type == name) return Integer{bits, is_signed};
    bits *= 2;
  }
  return std::nullopt;
}

bool IsWiderInteger(Integer before, Integer after) {
  if (before.is_signed == after.is_signed) return after.bits >= before.bits;
  return after.is_signed && after.bits > before.bits;
}

// What is in the brackets of "NAME(…)", if the type is one.
std::optional<std::string_view> ArgumentsOf(std::string_view name, std::string_view type) {
  if (!type.starts_with(name) || !type.ends_with(')')) return std::nullopt;
  type.remove_prefix(name.size());
  if (!type.starts_with('(')) return std::nullopt;
  return type.substr(1, type.size() - 2);
}

struct Decimal {
  int digits = 0;
  int scale = 0;
};

std::optional<int> ToNumber(std::string_view text) {
  int number = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || stop != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::optional<Decimal> ToDecimal(std::string_view type) {
  std::optional<std::string_view> arguments = ArgumentsOf("DECIMAL", type);
  if (!arguments) arguments = ArgumentsOf("NUMERIC", type);
  if (!arguments) return std::nullopt;
  const std::vector<std::string_view> parts = SplitAtCommas(*arguments);
  const std::optional<int> digits = ToNumber(parts[0]);
  const std::optional<int> scale = parts.size() > 1 ? ToNumber(parts[1]) : 0;
  if (!digits || !scale || parts.size() > 2) return std::nullopt;
  return Decimal{*digits, *scale};
}

struct Field {
  std::string name;
  std::string_view type;
};

// "name TYPE", in which the name may be quoted.
std::optional<Field> ToField(std::string_view text) {
  const size_t end = text.starts_with('"') ? EndOfQuoted(text, 0) : text.find(' ');
  if (end == std::string_view::npos || end >= text.size()) return std::nullopt;
  std::string name(text.substr(0, end));
  if (name.starts_with('"') && name.size() >= 2) {
    name = ReplaceAll(name.substr(1, name.size() - 2), "\"\"", "\"");
  }
  return Field{ToLowerAscii(name), Trim(text.substr(end))};
}

std::optional<std::vector<Field>> ToFields(std::string_view type) {
  const std::optional<std::string_view> arguments = ArgumentsOf("STRUCT", type);
  if (!arguments) return std::nullopt;
  std::vector<Field> fields;
  for (const std::string_view part : SplitAtCommas(*arguments)) {
    std::optional<Field> field = ToField(part);
    if (!field) return std::nullopt;
    fields.push_back(std::move(*field));
  }
  return fields;
}

bool IsWider(std::string_view before, std::string_view after, int depth);

bool AreWider(const std::vector<Field>& before, const std::vector<Field>& after, int depth) {
  std::unordered_map<std::string_view, std::string_view> types;
  for (const Field& field : before) types.emplace(field.name, field.type);
  return std::all_of(after.begin(), after.end(), [&](const Field& field) {
    const auto known = types.find(field.name);
    return known == types.end() || IsWider(known->second, field.type, depth + 1);
  });
}

// Both canonical.
bool IsWider(std::string_view before, std::string_view after, int depth) {
  before = WithoutAlias(before);
  after = WithoutAlias(after);
  if (before == after) return true;
  if (depth > kDepthMax) return false;
  const size_t before_bracket = before.rfind('[');
  const size_t after_bracket = after.rfind('[');
  if (before.ends_with(']') && after.ends_with(']') && before_bracket != std::string_view::npos &&
      after_bracket != std::string_view::npos) {
    return before.substr(before_bracket) == after.substr(after_bracket) &&
           IsWider(before.substr(0, before_bracket), after.substr(0, after_bracket), depth + 1);
  }
  if (before == "FLOAT" && after == "DOUBLE") return true;
  const auto before_integer = ToInteger(before);
  const auto after_integer = ToInteger(after);
  if (before_integer && after_integer) return IsWiderInteger(*before_integer, *after_integer);
  const auto before_decimal = ToDecimal(before);
  const auto after_decimal = ToDecimal(after);
  if (before_decimal && after_decimal) {
    return after_decimal->scale >= before_decimal->scale &&
           after_decimal->digits - after_decimal->scale >=
               before_decimal->digits - before_decimal->scale;
  }
  const auto before_fields = ToFields(before);
  const auto after_fields = ToFields(after);
  if (before_fields && after_fields) return AreWider(*before_fields, *after_fields, depth);
  const auto before_map = ArgumentsOf("MAP", before);
  const auto after_map = ArgumentsOf("MAP", after);
  if (before_map && after_map) {
    const auto from = SplitAtCommas(*before_map);
    const auto to = SplitAtCommas(*after_map);
    return from.size() == 2 && to.size() == 2 && IsWider(from[0], to[0], depth + 1) &&
           IsWider(from[1], to[1], depth + 1);
  }
  return false;
}

}  // namespace

bool IsWidening(const std::string& before, const std::string& after) {
  return IsWider(Canonical(before), Canonical(after), 0);
}

std::vector<TypeChange> IncompatibleChanges(const std::vector<Column>& before,
                                            const std::vector<Column>& after) {
  std::unordered_map<std::string, const Column*> known;
  for (const Column& column : before) known.emplace(ToLowerAscii(column.name), &column);
  std::vector<TypeChange> changes;
  for (const Column& column : after) {
    const auto found = known.find(ToLowerAscii(column.name));
    if (found == known.end() || IsWidening(found->second->type, column.type)) continue;
    changes.push_back({column.name, found->second->type, column.type});
  }
  return changes;
}

}  // namespace tarn::catalog
