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

// Returns the type with `scalar` for its untyped parts.
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
  // DuckDB reads the untyped parts of a nested value as INTEGER, which it cannot cast to a struct
  // or a date. It can cast VARCHAR to all types. Lambdas would also work, but the time to bind them
  // doubles with each level in DuckDB 1.5.5: 148 s for 30 nested lists.
  return HasUntyped(from) ? Cast(Cast(value, WithScalar(from, "VARCHAR")), target)
                          : Cast(value, target);
}

}  // namespace

std::string ConversionSql(const std::string& value, const Type& from, const Type& to) {
  const std::string sql = Convert(value, from, to);
  // DuckDB 1.5.5 pushes the bound of ORDER BY … LIMIT below the cast of an integer without casting
  // the bound, which loses rows of the narrower type. A plus sign prevents this.
  return sql != value && IsInteger(from) ? fmt::format("+{}", sql) : sql;
}

std::string ReadTypeText(Type type) {
  return catalog::TypeText(WithScalar(std::move(type), "INTEGER"));
}

}  // namespace tarn::engine
