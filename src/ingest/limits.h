#pragma once

#include <cstddef>

namespace tarn::ingest {

// The maximum size of a record, which is held in memory.
inline constexpr size_t kRecordBytesMax = 256 * 1024 * 1024;

// The maximum number of columns, including nested fields, that queryd reads from Parquet.
inline constexpr size_t kColumnsMax = 10'000;

// The maximum number of lists and maps in each other that queryd reads from Parquet.
inline constexpr int kListsMax = 16;

// The number of bytes that are read at once.
inline constexpr size_t kBlockBytes = 256 * 1024;

}  // namespace tarn::ingest
