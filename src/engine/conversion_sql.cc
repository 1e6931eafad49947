#include "engine/conversion_sql.h"

#include <fmt/format.h>

#include <algorithm>

#include "duck/quote.h"

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

std::string Convert(const std::string& value, const Type& from, const Type& to, int depth);

// The parts of a nested value that are untyped cannot be cast: INTEGER, as they are read, is no
// struct and no date.
std::string ConvertParts(const std::string& value, const Type& from, const Type& to, int depth) {
  const std::string element = fmt::format("tarn_element_{}", depth);
  switch (to.kind) {
    case Type::Kind::kStruct: {
      std::string fields;
      for (size_t i = 0; i < to.children.size(); ++i) {
        const std::string field =
            fmt::format("struct_extract({}, {})", value,
                        duck::QuoteLiteral(catalog::UnquotedName(from.field_names[i])));
        fields += fmt::format("{}{} := {}", i == 0 ? "" : ", ", to.field_names[i],
                              Convert(field, from.children[i], to.children[i], depth));
      }
      return fmt::format("CASE WHEN {} IS NULL THEN NULL ELSE struct_pack({}) END", value, fields);
    }
    case Type::Kind::kMap:
      return fmt::format(
          "map_from_entries(list_transform(map_entries({}), lambda {}: struct_pack(k := {}, v := "
          "{})))",
          value, element,
          Convert(fmt::format("struct_extract({}, 'key')", element), from.children[0],
                  to.children[0], depth + 1),
          Convert(fmt::format("struct_extract({}, 'value')", element), from.children[1],
                  to.children[1], depth + 1));
    default:
      return fmt::format("list_transform({}, lambda {}: {})", value, element,
                         Convert(element, from.children[0], to.children[0], depth + 1));
  }
}

std::string Convert(const std::string& value, const Type& from, const Type& to, int depth) {
  if (from == to) return value;
  if (from.IsUntyped()) return fmt::format("NULL::{}", catalog::TypeText(to));
  if (HasUntyped(from)) return ConvertParts(value, from, to, depth);
  return fmt::format("CAST({} AS {})", value, catalog::TypeText(to));
}

}  // namespace

std::string ConversionSql(const std::string& value, const Type& from, const Type& to) {
  const std::string sql = Convert(value, from, to, 0);
  // DuckDB 1.5.5 moves the bound of ORDER BY … LIMIT below the cast of an integer without casting
  // it too, and so loses rows of the narrower type. A plus sign keeps it above.
  return sql != value && IsInteger(from) ? fmt::format("+{}", sql) : sql;
}

std::string ReadTypeText(Type type) {
  if (type.IsUntyped()) return "INTEGER";
  for (Type& child : type.children) child = catalog::ParseType(ReadTypeText(std::move(child)));
  return catalog::TypeText(type);
}

}  // namespace tarn::engine
