#pragma once

// Whether DuckDB plans a statement with the values of its parameters.

#include <nlohmann/json_fwd.hpp>

#include "engine/gate/gate.h"

namespace tarn::engine {

bool HasParameters(const nlohmann::json& tree);

// Whether DuckDB may keep a plan of the statement that was made without the values of its
// parameters, and such a plan can end the database: see duck::Statement::Bind. Statements that read
// Parquet are planned anew for each run.
bool IsPlannedWithoutValues(const nlohmann::json& tree, const Gate::IsDataset& is_dataset);

}  // namespace tarn::engine
