#pragma once

#include <cstddef>

namespace tarn::ingest {

// A record is in memory as a whole.
inline constexpr size_t kRecordBytesMax = 256 * 1024 * 1024;

// The columns of a dataset, with the fields of nested ones: queryd reads no Parquet with more.
inline constexpr size_t kColumnsMax = 10'000;

}  // namespace tarn::ingest
