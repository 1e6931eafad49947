#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tarn::engine {

// What the gate knows of DuckDB's functions, all names in lower case. What is on no list is
// refused, so what a new DuckDB brings is refused until somebody has judged it.
enum class FunctionRule {
  kUnknown,  // Refused, and its name is not shown: it is the query's.
  kRefused,
  kAllowed,
  kDirectRead,   // Only with queryd.allow_direct_reads.
  kInnerSql,     // query('…'): where the gate lets its text pass.
  kTableByName,  // query_table('…'): where it names datasets.
};

// Table functions, table macros and system views of DuckDB 1.5 with httpfs. They need no
// parentheses when they take no arguments: FROM duckdb_secrets.
FunctionRule RuleOfTableFunction(std::string_view name);

// Scalar functions, operators, aggregates and macros.
FunctionRule RuleOfFunction(std::string_view name);

// Gives another value at another time, or at each call: now(), random(). More than DuckDB says of
// itself: 1.5 takes age(x), which is counted from today, for one that depends on x alone.
bool IsVolatileFunction(std::string_view name);
// The same for what is written as a column: current_date. A column of that name goes first.
bool IsVolatileColumn(std::string_view name);

// What duckdb_functions() and duckdb_views() must have, by the lists.
std::vector<std::string> CatalogTableFunctions();
std::vector<std::string> CatalogFunctions();

// To suggest one for a name that is not known.
const std::vector<std::string>& AllowedFunctions();

// The views of information_schema.
bool IsInformationSchemaView(std::string_view name);

}  // namespace tarn::engine
