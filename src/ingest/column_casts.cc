#include "ingest/column_casts.h"

#include <fmt/format.h>

#include <string_view>

#include "duck/quote.h"

namespace tarn::ingest {
namespace {

constexpr std::string_view kCastMark = "[cast] ";

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
  const std::string says =
      duck::QuoteLiteral(fmt::format("{}column \"{}\": \"", kCastMark, column.name));
  const std::string rest = duck::QuoteLiteral(fmt::format("\" is no {}", type));
  return fmt::format(
      "CASE WHEN {0} IS NULL THEN NULL WHEN {1} THEN CAST({0} AS {2}) "
      "ELSE CAST(error({3} || left(CAST({0} AS VARCHAR), 100) || {4}) AS {2}) END",
      duck::QuoteIdentifier(column.name), condition, type, says, rest);
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

std::string MessageOfCast(const std::string& message) {
  const size_t mark = message.find(kCastMark);
  return mark == std::string::npos ? message : message.substr(mark + kCastMark.size());
}

}  // namespace tarn::ingest
