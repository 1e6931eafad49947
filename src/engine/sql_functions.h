#pragma once

#include <string_view>

namespace tarn::engine {

// What the gate knows of DuckDB's functions by name, in lower case. A table function that is not
// on the list of allowed ones is refused, so one that a new DuckDB brings is refused too.

// Table functions, table macros and system views that compute from their arguments or describe
// the catalogue.
bool IsAllowedTableFunction(std::string_view name);

// All table functions, table macros and system views of DuckDB 1.5 with httpfs. They need no
// parentheses when they take no arguments: FROM duckdb_secrets.
bool IsKnownTableFunction(std::string_view name);

// The views of information_schema.
bool IsInformationSchemaView(std::string_view name);

// Scalar functions and macros that act, or look outside of their arguments.
bool IsRefusedScalarFunction(std::string_view name);

}  // namespace tarn::engine
