#pragma once

#include <string>

#include "catalog/type.h"

namespace tarn::engine {

// An SQL expression of type `to` for a value of type `from`, which `to` widens
// (catalog::CommonType); `value` itself if the types are the same. Untyped values become NULL.
std::string ConversionSql(const std::string& value, const catalog::Type& from,
                          const catalog::Type& to);

// The type with which DuckDB reads a column of this type: untyped parts are INTEGER.
std::string ReadTypeText(catalog::Type type);

}  // namespace tarn::engine
