#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tarn::engine {

// The gate's rules for DuckDB's functions. All names are in lower case. A function that is on no
// list is refused, so new functions of DuckDB are refused until they have been reviewed.
enum class FunctionRule {
  kUnknown,  // Refused. Errors do not show the name, because it comes from the client.
  kRefused,
  kAllowed,
  kDirectRead,   // Allowed with queryd.allow_direct_reads.
  kInnerSql,     // query('…'): allowed if the gate accepts the SQL in it.
  kTableByName,  // query_table('…'): allowed for datasets.
};

// Returns the rule of a table function, table macro or system view of DuckDB 1.5 with httpfs. Those
// without arguments need no parentheses: FROM duckdb_secrets.
FunctionRule RuleOfTableFunction(std::string_view name);

// Returns the rule of a scalar function, operator, aggregate or macro.
FunctionRule RuleOfFunction(std::string_view name);

// Returns true for functions whose value differs between times or calls: now(), random(). DuckDB
// 1.5 does not mark all of them as volatile: age(x) counts from today.
bool IsVolatileFunction(std::string_view name);
// The same for names that are written as a column: current_date. A column of that name has
// precedence.
bool IsVolatileColumn(std::string_view name);

// The names on the lists, for a test that compares them with duckdb_functions() and duckdb_views().
std::vector<std::string> CatalogTableFunctions();
std::vector<std::string> CatalogFunctions();

// The allowed scalar functions, for suggestions in errors about unknown names.
const std::vector<std::string>& AllowedFunctions();

bool IsInformationSchemaView(std::string_view name);

}  // namespace tarn::engine
