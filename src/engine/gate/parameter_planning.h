#pragma once

// Finds statements that DuckDB plans without the values of their parameters.

#include <nlohmann/json_fwd.hpp>

#include "engine/gate/gate.h"

namespace tarn::engine {

bool HasParameters(const nlohmann::json& tree);

// Returns true if DuckDB may keep a plan of the statement that it made without the values of the
// parameters. Some of these plans raise an internal error, after which the database refuses all
// statements: see duck::Statement::Bind. DuckDB plans statements that read Parquet again for each
// run.
bool IsPlannedWithoutValues(const nlohmann::json& tree, const Gate::IsDataset& is_dataset);

}  // namespace tarn::engine
