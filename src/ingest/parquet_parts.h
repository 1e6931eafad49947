#pragma once

// The division of one Parquet file into several of a given size.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "ingest/converter.h"

namespace tarn::ingest {

// The ROW_GROUP_SIZE of COPY that makes each batch of its source a row group. With other sizes,
// DuckDB divides and joins batches, and the result depends on the times at which its threads
// finish them. Needs more than one thread.
inline constexpr uint64_t kBatchIsGroup = 0;

// The number of rows in a row group, so that a row group fits into memory. Long rows give smaller
// groups. 0 if the number of rows is unknown.
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

}  // namespace tarn::ingest
