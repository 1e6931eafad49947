#pragma once

// Parquet files, which become objects without a change.

#include <string>
#include <vector>

#include "base/result.h"
#include "ingest/columns.h"
#include "ingest/converter.h"
#include "ingest/parquet_files.h"

namespace tarn::ingest {

// "read_parquet('a.parquet')"
std::string ParquetSource(const std::string& file);

// Takes files that queryd can read. Their footers must pass the same check as in queryd, and
// DuckDB must read all their values, unless `input.is_unchecked`. The columns are those of all
// files and of `wanted`, if their types have common types.
Result<ParquetFiles> TakeParquet(const Input& input, const std::vector<Column>& wanted,
                                 Converter& converter);

}  // namespace tarn::ingest
