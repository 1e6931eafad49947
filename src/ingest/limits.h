#pragma once

#include <cstddef>

namespace tarn::ingest {

// The maximum size of a record, which is held in memory.
inline constexpr size_t kRecordBytesMax = 256 * 1024 * 1024;

// The maximum number of columns, including nested fields, that queryd reads from Parquet.
inline constexpr size_t kColumnsMax = 10'000;

}  // namespace tarn::ingest
