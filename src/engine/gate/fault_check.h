#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"

namespace tarn::engine {

// Refuses forms of queries for which DuckDB 1.5.5 gives wrong results that no setting prevents. The
// error suggests a correct form. docs/engine-faults.md lists these forms with their tests.
// `statements` is the output of json_serialize_sql.
Result<> CheckFaults(const nlohmann::json& statements);

// The same for an aggregate that a query names in a string: list_aggregate(list, 'name'). `name` is
// in lower case.
Result<> CheckAggregateFaults(std::string_view name);

}  // namespace tarn::engine
