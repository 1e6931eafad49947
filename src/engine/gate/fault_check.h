#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"

namespace tarn::engine {

// Refuses forms of queries that DuckDB 1.5.5 answers wrongly and that no setting cures, and says
// what to write instead. docs/engine-faults.md lists them with their tests. `statements` is the
// answer of json_serialize_sql.
Result<> CheckFaults(const nlohmann::json& statements);

// The same for an aggregate that is run by its name, in lower case: list_aggregate(list, 'name').
Result<> CheckAggregateFaults(std::string_view name);

}  // namespace tarn::engine
