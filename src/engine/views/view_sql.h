#pragma once

// The SQL of the views of datasets.

#include <string>

#include "base/result.h"
#include "protocol/messages.h"

namespace tarn::engine {

// Returns CREATE OR REPLACE VIEW … over the objects. DuckDB reads the metadata of the first object
// of each group. The error names a key that is not valid.
//
// The view reads each group of objects (DatasetSchema::groups) with its own types, and converts
// them above the scan. DuckDB 1.5.5 can also convert inside the scan, but then compares filters
// with the unconverted values: v = 0.1 finds the FLOAT nearest to 0.1 in a column of DOUBLEs.
Result<std::string> CreateViewSql(const protocol::ObjectStore& store,
                                  const protocol::ViewSpec& view);

// Returns a view with the same columns that reads nothing, for queries that only list the columns.
// The schema of `view` must have columns.
std::string CreateOutlineSql(const protocol::ViewSpec& view);

}  // namespace tarn::engine
