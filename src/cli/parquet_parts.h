#pragma once

// The division of one Parquet file into several of a given size.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/converter.h"

namespace tarn::cli {

// How many rows a row group has, so that one of them is in memory: fewer where rows are long. 0
// rows: their number is not known.
uint64_t RowGroupRows(uint64_t rows, uint64_t bytes, size_t columns);

struct RowCounts {
  uint64_t rows = 0;
  uint64_t group_rows = 0;
};

// Divides a Parquet file into files of about `bytes_max` bytes in the same folder.
// The parts have the rows in the order of the file, and the same file gives the same parts. The
// file itself is removed; one that is not larger than `bytes_max` is its own only part.
//
// DuckDB's COPY with FILE_SIZE_BYTES divides while it writes, and loses the order of the rows.
Result<std::vector<std::string>> DivideParquet(const std::filesystem::path& file,
                                               const RowCounts& counts, uint64_t bytes_max,
                                               Converter& converter);

}  // namespace tarn::cli
