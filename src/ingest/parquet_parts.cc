#include "ingest/parquet_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "duck/quote.h"
#include "ingest/parquet_files.h"

namespace tarn::ingest {

namespace fs = std::filesystem;

namespace {

// DuckDB's default for the rows of a row group, and the rows of a vector.
constexpr uint64_t kGroupRowsMax = 122'880;
constexpr uint64_t kGroupRowsMin = 2'048;

uint64_t DivideUp(uint64_t number, uint64_t by) { return (number + by - 1) / by; }

}  // namespace

uint64_t RowGroupRows(uint64_t rows, uint64_t bytes, size_t columns) {
  constexpr uint64_t kGroupBytes = 64'000'000;
  constexpr uint64_t kGroupValues = kGroupRowsMax * 128;
  uint64_t group = std::min(kGroupRowsMax, kGroupValues / std::max<size_t>(columns, 1));
  if (rows > 0) group = std::min(group, kGroupBytes / std::max<uint64_t>(bytes / rows, 1));
  return std::max(group / kGroupRowsMin, uint64_t{1}) * kGroupRowsMin;
}

Result<std::vector<std::string>> DivideParquet(const fs::path& file, const RowCounts& counts,
                                               uint64_t bytes_max, Converter& converter) {
  const uint64_t rows = counts.rows;
  std::error_code code;
  const uint64_t bytes = fs::file_size(file, code);
  if (code) return Unavailable(fmt::format("{}: {}", file.string(), code.message()));
  if (bytes <= bytes_max || rows <= counts.group_rows) {
    return std::vector<std::string>{file.string()};
  }
  const uint64_t groups = DivideUp(rows, counts.group_rows);
  const uint64_t part_rows = DivideUp(groups, DivideUp(bytes, bytes_max)) * counts.group_rows;
  converter.progress().Begin(PutPhase::kDividing, bytes);
  std::vector<std::string> parts;
  for (uint64_t first = 0; first < rows; first += part_rows) {
    parts.push_back(file.parent_path() / fmt::format("part-{}.parquet", parts.size()));
    const uint64_t end = std::min(first + part_rows, rows);
    TARN_CHECK_OK(converter.Run(
        fmt::format(
            "COPY (SELECT * FROM read_parquet({}, hive_partitioning = false) "
            "WHERE file_row_number >= {} AND file_row_number < {}) TO {} ({}, ROW_GROUP_SIZE {})",
            PathLiteral(file.string()), first, end, duck::QuoteLiteral(parts.back()),
            kParquetOptions, kBatchIsGroup),
        bytes * (end - first) / rows));
  }
  fs::remove(file, code);
  return parts;
}

}  // namespace tarn::ingest
