#pragma once

#include <string>

#include "catalog/type.h"

namespace tarn::engine {

// Returns the SQL that converts `value` from the type `from` to the wider type `to`
// (catalog::CommonType), or `value` if the types are the same. Untyped values become NULL.
std::string ConversionSql(const std::string& value, const catalog::Type& from,
                          const catalog::Type& to);

// Returns the type as which DuckDB reads a column: untyped parts are INTEGER.
std::string ReadTypeText(catalog::Type type);

}  // namespace tarn::engine
