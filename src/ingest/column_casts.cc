#include "ingest/column_casts.h"

#include <fmt/format.h>

#include <string_view>

#include "duck/quote.h"

namespace tarn::ingest {
namespace {

// The parts of the message: the column, the text and the type, each after a separator.
constexpr std::string_view kCastMark = "[cast]";
constexpr char kSeparator = '\x1f';

bool IsNumber(std::string_view type) {
  return type.ends_with("INT") || type == "INTEGER" || type == "DOUBLE" || type == "FLOAT" ||
         type.starts_with("DECIMAL");
}

// Returns the condition that a cast to the type and back preserves the value. Numbers seldom stay
// unchanged as FLOAT, so for FLOAT the condition is only that the cast succeeds.
std::string SameAsBefore(const std::string& name, const Column& column, const std::string& type) {
  const std::string cast = fmt::format("TRY_CAST({} AS {})", name, type);
  if (type == "FLOAT" && IsNumber(column.type)) return cast + " IS NOT NULL";
  return fmt::format("TRY_CAST({} AS {}) IS NOT DISTINCT FROM {}", cast, column.type, name);
}

// Returns a cast that fails for values that do not meet the condition.
std::string CastIf(const std::string& condition, const Column& column, const std::string& type) {
  const std::string start =
      duck::QuoteLiteral(fmt::format("{0}{1}{2}{1}", kCastMark, kSeparator, column.name));
  const std::string end = duck::QuoteLiteral(fmt::format("{}{}", kSeparator, type));
  return fmt::format(
      "CASE WHEN {0} IS NULL THEN NULL WHEN {1} THEN CAST({0} AS {2}) "
      "ELSE CAST(error({3} || left(CAST({0} AS VARCHAR), {4}) || {5}) AS {2}) END",
      duck::QuoteIdentifier(column.name), condition, type, start, kCastTextMax, end);
}

}  // namespace

std::string CastTo(const Column& column, const std::string& type, const TextForms* forms) {
  std::string name = duck::QuoteIdentifier(column.name);
  if (column.type == type) return name;
  const bool is_loose = forms != nullptr && column.type == "VARCHAR" && HasLooseRule(type);
  return CastIf(is_loose ? forms->CanBecome(name, type) : SameAsBefore(name, column, type), column,
                type);
}

std::string CastChecked(const Column& column, const std::string& type) {
  const std::string name = duck::QuoteIdentifier(column.name);
  return CastIf(fmt::format("TRY_CAST({} AS {}) IS NOT NULL", name, type), column, type);
}

std::string CastFailure::Message() const {
  return fmt::format("column \"{}\": \"{}\" is no {}", column, text, type);
}

// The text may have separators too.
std::optional<CastFailure> FailureOfCast(const std::string& message) {
  const size_t mark = message.find(std::string(kCastMark) + kSeparator);
  if (mark == std::string::npos) return std::nullopt;
  const size_t column = mark + kCastMark.size() + 1;
  const size_t text = message.find(kSeparator, column) + 1;
  const size_t type = message.rfind(kSeparator) + 1;
  if (text == 0 || type <= text) return std::nullopt;
  return CastFailure{.column = message.substr(column, text - 1 - column),
                     .text = message.substr(text, type - 1 - text),
                     .type = message.substr(type)};
}

}  // namespace tarn::ingest
