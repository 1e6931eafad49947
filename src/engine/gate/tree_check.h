#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "engine/gate/gate.h"

namespace tarn::engine {

// Checks the SQL in query('…').
using InnerSqlCheck = std::function<Result<>(const std::string& sql)>;

// Checks that a syntax tree reads only the catalogue, and adds the datasets that it reads to the
// verdict. `subqueries` is the number of subqueries in expressions around the tree.
Result<> CheckTree(const nlohmann::json& statements, const Gate::Rules& rules,
                   InnerSqlCheck check_inner, size_t& subqueries, Verdict& verdict);

}  // namespace tarn::engine
