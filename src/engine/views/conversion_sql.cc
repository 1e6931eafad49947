#include "engine/views/conversion_sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace tarn::engine {
namespace {

using catalog::Type;

bool HasUntyped(const Type& type) {
  return type.IsUntyped() || std::any_of(type.children.begin(), type.children.end(), HasUntyped);
}

bool IsInteger(const Type& type) {
  return type.kind == Type::Kind::kScalar &&
         (type.name.ends_with("INT") || type.name.ends_with("INTEGER"));
}

// The type with another scalar in place of its untyped parts.
Type WithScalar(Type type, std::string_view scalar) {
  if (type.IsUntyped()) type.name = scalar;
  for (Type& child : type.children) child = WithScalar(std::move(child), scalar);
  return type;
}

std::string Cast(const std::string& value, const Type& to) {
  return fmt::format("CAST({} AS {})", value, catalog::TypeText(to));
}

std::string Convert(const std::string& value, const Type& from, const Type& to) {
  if (from == to) return value;
  if (from.IsUntyped()) return fmt::format("NULL::{}", ReadTypeText(to));
  const Type target = catalog::ParseType(ReadTypeText(to));
  // INTEGER, as the untyped parts of a nested value are read, is no struct and no date. Every type
  // can be cast from VARCHAR. Lambdas would be a way too, but DuckDB 1.5.5 takes twice as long to
  // bind each level of them: 148 s for 30 lists in lists.
  return HasUntyped(from) ? Cast(Cast(value, WithScalar(from, "VARCHAR")), target)
                          : Cast(value, target);
}

}  // namespace

std::string ConversionSql(const std::string& value, const Type& from, const Type& to) {
  const std::string sql = Convert(value, from, to);
  // DuckDB 1.5.5 moves the bound of ORDER BY … LIMIT below the cast of an integer without casting
  // it too, and so loses rows of the narrower type. A plus sign keeps it above.
  return sql != value && IsInteger(from) ? fmt::format("+{}", sql) : sql;
}

std::string ReadTypeText(Type type) {
  return catalog::TypeText(WithScalar(std::move(type), "INTEGER"));
}

}  // namespace tarn::engine
