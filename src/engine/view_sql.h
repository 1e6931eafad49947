#pragma once

// The SQL of datasets' views.

#include <string>

#include "base/result.h"
#include "protocol/messages.h"

namespace tarn::engine {

// SELECT * FROM read_parquet(…) of the objects; the error names the key that cannot be one.
Result<std::string> SelectSql(const protocol::ObjectStore& store, const protocol::ViewSpec& view);

// CREATE OR REPLACE VIEW … over the objects. DuckDB reads the metadata of the first one.
Result<std::string> CreateViewSql(const protocol::ObjectStore& store,
                                  const protocol::ViewSpec& view);

// The same with columns that have the names and types of the view's, and nothing behind them: reads
// nothing. For those who ask what there is. The view's columns are known.
std::string CreateOutlineSql(const protocol::ViewSpec& view);

}  // namespace tarn::engine
