#include "catalog/type.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace tarn::catalog {
namespace {

// Deeper types are scalars, because the parser is recursive and the text may be nested as deeply as
// it is long.
constexpr int kDepthMax = 64;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool IsQuote(char c) { return c == '"' || c == '\''; }

// Returns the position after the quoted text that starts at `i`. A doubled quote is an escaped
// quote.
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

// Reduces white space to one space between words and none beside punctuation. Quoted text is
// unchanged.
std::string WithoutExtraSpaces(std::string_view text) {
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
    const size_t end = IsQuote(c) ? EndOfQuoted(text, i) : i + 1;
    out += text.substr(i, end - i);
    i = end;
  }
  return out;
}

// Converts to upper case outside quoted text.
std::string ToUpper(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (IsQuote(c)) {
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

// The positions of closing brackets by their opening ones, so that a nested part is skipped in one
// step: without this, each level of a type would read all levels below it again.
class Brackets {
 public:
  explicit Brackets(std::string_view text) : text_(text), ends_(text.size(), 0) {
    std::vector<size_t> open;
    for (size_t i = 0; i < text.size();) {
      const char c = text[i];
      if (IsQuote(c)) {
        i = EndOfQuoted(text, i);
        continue;
      }
      if (c == '(' || c == '[') open.push_back(i);
      if ((c == ')' || c == ']') && !open.empty()) {
        ends_[open.back()] = i;
        open.pop_back();
      }
      ++i;
    }
  }

  // Splits a part of the text at commas outside brackets and quotes. Returns nothing if its
  // brackets are not balanced.
  std::vector<std::string_view> SplitAtCommas(std::string_view part) const {
    const auto start = static_cast<size_t>(part.data() - text_.data());
    std::vector<std::string_view> parts;
    size_t begin = 0;
    for (size_t i = 0; i < part.size();) {
      const char c = part[i];
      if (IsQuote(c)) {
        i = EndOfQuoted(part, i);
        continue;
      }
      if (c == ')' || c == ']') return {};
      if (c == '(' || c == '[') {
        const size_t end = ends_[start + i];
        if (end <= start + i || end >= start + part.size()) return {};
        i = end - start;
      }
      if (c == ',') {
        parts.push_back(part.substr(begin, i - begin));
        begin = i + 1;
      }
      ++i;
    }
    parts.push_back(part.substr(begin));
    return parts;
  }

 private:
  const std::string_view text_;
  std::vector<size_t> ends_;  // 0: not an opening bracket, or not closed.
};

// DuckDB's type aliases (https://duckdb.org/docs/stable/sql/data_types/overview).
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

// From 8 to 128 bits, doubling.
constexpr std::array<std::string_view, 5> kIntegers = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT",
                                                       "HUGEINT"};
constexpr int kIntegerBitsMax = 128;

struct Integer {
  int bits = 0;
  bool is_signed = true;
};

std::optional<Integer> ToInteger(std::string_view type) {
  const bool is_signed = !type.starts_with('U');
  if (!is_signed) type.remove_prefix(1);
  int bits = 8;
  for (const std::string_view name : kIntegers) {
    if (type == name) return Integer{bits, is_signed};
    bits *= 2;
  }
  return std::nullopt;
}

// The narrowest integer type that holds both; nullopt above 128 bits.
std::optional<Integer> CommonInteger(Integer a, Integer b) {
  if (a.is_signed == b.is_signed) return Integer{std::max(a.bits, b.bits), a.is_signed};
  const Integer& with_sign = a.is_signed ? a : b;
  const Integer& without_sign = a.is_signed ? b : a;
  const int bits = std::max(with_sign.bits, 2 * without_sign.bits);
  if (bits > kIntegerBitsMax) return std::nullopt;
  return Integer{bits, true};
}

std::string NameOf(Integer integer) {
  size_t i = 0;
  for (int bits = 8; bits < integer.bits; bits *= 2) ++i;
  return fmt::format("{}{}", integer.is_signed ? "" : "U", kIntegers[i]);
}

// Returns the text between the parentheses of "NAME(…)", if it has that form.
std::optional<std::string_view> ArgumentsOf(std::string_view name, std::string_view type) {
  if (!EqualsIgnoreCase(type.substr(0, name.size()), name) || !type.ends_with(')')) {
    return std::nullopt;
  }
  type.remove_prefix(name.size());
  if (!type.starts_with('(')) return std::nullopt;
  return type.substr(1, type.size() - 2);
}

template <class Number>
std::optional<Number> ToNumber(std::string_view text) {
  Number number = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || stop != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::optional<Type> ToDecimal(std::string_view text) {
  std::optional<std::string_view> arguments;
  for (const std::string_view name : {"DECIMAL", "NUMERIC", "DEC"}) {
    if (!arguments) arguments = ArgumentsOf(name, text);
  }
  if (!arguments) return std::nullopt;
  const size_t comma = arguments->find(',');
  const bool has_scale = comma != std::string_view::npos;
  const auto digits = ToNumber<int>(arguments->substr(0, comma));
  const auto scale = has_scale ? ToNumber<int>(arguments->substr(comma + 1)) : 0;
  if (!digits || !scale || *scale > *digits) return std::nullopt;
  return Type{.kind = Type::Kind::kDecimal, .digits = *digits, .scale = *scale};
}

// A text of a type, or a part of one, without extra spaces.
struct TypePart {
  std::string_view text;
  const Brackets& brackets;  // Of the whole text.
  int depth = 0;

  TypePart Inner(std::string_view part) const { return {part, brackets, depth + 1}; }
};

std::optional<Type> Parse(const TypePart& from);

// The functions below check their own level before they parse the levels below, so that each level
// is read once.

// Parses "ELEMENT[]" or "ELEMENT[3]".
std::optional<Type> ToListOrArray(const TypePart& from) {
  const std::string_view text = from.text;
  if (!text.ends_with(']')) return std::nullopt;
  const size_t bracket = text.rfind('[');
  if (bracket == std::string_view::npos) return std::nullopt;
  const std::string_view size = text.substr(bracket + 1, text.size() - bracket - 2);
  const auto number = size.empty() ? std::optional<uint64_t>(0) : ToNumber<uint64_t>(size);
  if (!number) return std::nullopt;
  std::optional<Type> element = Parse(from.Inner(text.substr(0, bracket)));
  if (!element) return std::nullopt;
  if (size.empty()) return Type{.kind = Type::Kind::kList, .children = {std::move(*element)}};
  return Type{.kind = Type::Kind::kArray, .size = *number, .children = {std::move(*element)}};
}

struct FieldText {
  std::string_view name;
  std::string_view type;
};

// Splits "name TYPE" with an optionally quoted name.
std::optional<FieldText> ToField(std::string_view text) {
  const size_t end = text.starts_with('"') ? EndOfQuoted(text, 0) : text.find(' ');
  if (end == std::string_view::npos || end >= text.size()) return std::nullopt;
  return FieldText{text.substr(0, end), Trim(text.substr(end))};
}

std::optional<Type> ToStruct(const TypePart& from) {
  const std::optional<std::string_view> arguments = ArgumentsOf("STRUCT", from.text);
  if (!arguments) return std::nullopt;
  std::vector<FieldText> fields;
  for (const std::string_view part : from.brackets.SplitAtCommas(*arguments)) {
    const std::optional<FieldText> field = ToField(part);
    if (!field) return std::nullopt;
    fields.push_back(*field);
  }
  if (fields.empty()) return std::nullopt;
  Type type{.kind = Type::Kind::kStruct};
  for (const FieldText& field : fields) {
    std::optional<Type> child = Parse(from.Inner(field.type));
    if (!child) return std::nullopt;
    type.field_names.emplace_back(field.name);
    type.children.push_back(std::move(*child));
  }
  return type;
}

std::optional<Type> ToMap(const TypePart& from) {
  const std::optional<std::string_view> arguments = ArgumentsOf("MAP", from.text);
  if (!arguments) return std::nullopt;
  const std::vector<std::string_view> parts = from.brackets.SplitAtCommas(*arguments);
  if (parts.size() != 2) return std::nullopt;
  std::optional<Type> key = Parse(from.Inner(parts[0]));
  std::optional<Type> value = Parse(from.Inner(parts[1]));
  if (!key || !value) return std::nullopt;
  return Type{.kind = Type::Kind::kMap, .children = {std::move(*key), std::move(*value)}};
}

// Returns nullopt if the text is nested too deeply.
std::optional<Type> Parse(const TypePart& from) {
  if (from.depth > kDepthMax) return std::nullopt;
  for (const auto read : {ToListOrArray, ToStruct, ToMap}) {
    if (std::optional<Type> type = read(from)) return type;
  }
  const std::string upper = ToUpper(from.text);
  const std::string_view name = WithoutAlias(upper);
  if (std::optional<Type> type = ToDecimal(name)) return type;
  return Type{.name = std::string(name)};
}

std::optional<Type> CommonDecimal(const Type& a, const Type& b) {
  constexpr int kDigitsMax = 38;
  const int scale = std::max(a.scale, b.scale);
  const int digits = scale + std::max(a.digits - a.scale, b.digits - b.scale);
  if (digits > kDigitsMax) return std::nullopt;
  return Type{.kind = Type::Kind::kDecimal, .digits = digits, .scale = scale};
}

std::optional<Type> CommonScalar(const Type& a, const Type& b) {
  const std::optional<Integer> integer_a = ToInteger(a.name);
  const std::optional<Integer> integer_b = ToInteger(b.name);
  if (integer_a && integer_b) {
    const std::optional<Integer> common = CommonInteger(*integer_a, *integer_b);
    if (!common) return std::nullopt;
    return Type{.name = NameOf(*common)};
  }
  // Each type of a chain holds the values of the previous ones.
  using Chain = std::vector<std::string_view>;
  for (const Chain& chain :
       {Chain{"FLOAT", "DOUBLE"}, Chain{"DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP"}}) {
    const auto in_a = std::find(chain.begin(), chain.end(), a.name);
    const auto in_b = std::find(chain.begin(), chain.end(), b.name);
    if (in_a == chain.end() || in_b == chain.end()) continue;
    return Type{.name = std::string(*std::max(in_a, in_b))};
  }
  return std::nullopt;
}

std::optional<Type> CommonStruct(const Type& a, const Type& b, TypeConflict* conflict) {
  Type common = a;
  for (size_t i = 0; i < b.children.size(); ++i) {
    const std::optional<size_t> known = FindField(a, b.field_names[i]);
    if (!known) {
      common.field_names.push_back(b.field_names[i]);
      common.children.push_back(b.children[i]);
      continue;
    }
    std::optional<Type> field = CommonType(a.children[*known], b.children[i], conflict);
    if (!field) {
      if (conflict != nullptr) conflict->path.insert(0, "." + a.field_names[*known]);
      return std::nullopt;
    }
    common.children[*known] = std::move(*field);
  }
  return common;
}

// Combines lists, arrays of equal size and maps part by part.
std::optional<Type> CommonParts(const Type& a, const Type& b, TypeConflict* conflict) {
  Type common = a;
  for (size_t i = 0; i < a.children.size(); ++i) {
    std::optional<Type> part = CommonType(a.children[i], b.children[i], conflict);
    if (!part) return std::nullopt;
    common.children[i] = std::move(*part);
  }
  return common;
}

}  // namespace

std::string UnquotedName(std::string_view name) {
  if (name.size() < 2 || !name.starts_with('"')) return std::string(name);
  return ReplaceAll(std::string(name.substr(1, name.size() - 2)), "\"\"", "\"");
}

std::optional<size_t> FindField(const Type& type, const std::string& name) {
  for (size_t i = 0; i < type.field_names.size(); ++i) {
    if (EqualsIgnoreCase(UnquotedName(type.field_names[i]), UnquotedName(name))) return i;
  }
  return std::nullopt;
}

Type ParseType(std::string_view text) {
  const std::string plain = WithoutExtraSpaces(text);
  std::optional<Type> type = Parse({plain, Brackets(plain)});
  return type ? std::move(*type) : Type{.name = ToUpper(plain)};
}

std::string TypeText(const Type& type) {
  switch (type.kind) {
    case Type::Kind::kScalar:
      return type.name;
    case Type::Kind::kDecimal:
      return fmt::format("DECIMAL({},{})", type.digits, type.scale);
    case Type::Kind::kList:
      return TypeText(type.children[0]) + "[]";
    case Type::Kind::kArray:
      return fmt::format("{}[{}]", TypeText(type.children[0]), type.size);
    case Type::Kind::kMap:
      return fmt::format("MAP({}, {})", TypeText(type.children[0]), TypeText(type.children[1]));
    case Type::Kind::kStruct:
      break;
  }
  std::string fields;
  for (size_t i = 0; i < type.children.size(); ++i) {
    fields +=
        fmt::format("{}{} {}", i == 0 ? "" : ", ", type.field_names[i], TypeText(type.children[i]));
  }
  return "STRUCT(" + fields + ")";
}

bool IsWidening(const Type& before, const Type& after) {
  if (before.IsUntyped() || before == after) return true;
  if (before.kind != after.kind || before.size != after.size) return false;
  if (before.kind == Type::Kind::kStruct) {
    for (size_t i = 0; i < before.children.size(); ++i) {
      const std::optional<size_t> field = FindField(after, before.field_names[i]);
      if (field && !IsWidening(before.children[i], after.children[*field])) return false;
    }
    return true;
  }
  for (size_t i = 0; i < before.children.size(); ++i) {
    if (!IsWidening(before.children[i], after.children[i])) return false;
  }
  return !before.children.empty() || CommonType(before, after) == after;
}

std::optional<Type> CommonType(const Type& first, const Type& second, TypeConflict* conflict) {
  if (first == second || second.IsUntyped()) return first;
  if (first.IsUntyped()) return second;
  if (conflict != nullptr) *conflict = {.path = "", .first = first, .second = second};
  if (first.kind != second.kind || first.size != second.size) return std::nullopt;
  switch (first.kind) {
    case Type::Kind::kScalar:
      return CommonScalar(first, second);
    case Type::Kind::kDecimal:
      return CommonDecimal(first, second);
    case Type::Kind::kStruct:
      return CommonStruct(first, second, conflict);
    default:
      return CommonParts(first, second, conflict);
  }
}

}  // namespace tarn::catalog
