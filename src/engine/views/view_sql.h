#pragma once

// The SQL of datasets' views.

#include <string>

#include "base/result.h"
#include "protocol/messages.h"

namespace tarn::engine {

// CREATE OR REPLACE VIEW … over the objects. DuckDB reads the metadata of the first one of each
// group. The error names the key that cannot be an object's.
//
// Each group of objects (DatasetSchema::groups) is read with the types that it has, and converted
// above the scan. DuckDB 1.5.5 can convert inside the scan too, but compares filters with the
// unconverted values then: v = 0.1 finds the FLOAT nearest to 0.1 in a column of DOUBLEs.
Result<std::string> CreateViewSql(const protocol::ObjectStore& store,
                                  const protocol::ViewSpec& view);

// A view with the same columns that reads nothing, for queries that only list the columns. The
// columns of `view` are known.
std::string CreateOutlineSql(const protocol::ViewSpec& view);

}  // namespace tarn::engine
