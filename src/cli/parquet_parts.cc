#include "cli/parquet_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/parquet_files.h"
#include "duck/quote.h"

namespace tarn::cli {

namespace fs = std::filesystem;

namespace {

// The rows of a row group as DuckDB writes it.
constexpr uint64_t kRowGroupRows = 122'880;

uint64_t DivideUp(uint64_t number, uint64_t by) { return (number + by - 1) / by; }

}  // namespace

Result<std::vector<std::string>> DivideParquet(const fs::path& file, uint64_t rows,
                                               uint64_t bytes_max, Converter& converter) {
  std::error_code code;
  const uint64_t bytes = fs::file_size(file, code);
  if (code) return Unavailable(fmt::format("{}: {}", file.string(), code.message()));
  if (bytes <= bytes_max || rows <= kRowGroupRows) return std::vector<std::string>{file.string()};
  const uint64_t groups = DivideUp(rows, kRowGroupRows);
  const uint64_t part_rows = DivideUp(groups, DivideUp(bytes, bytes_max)) * kRowGroupRows;
  std::vector<std::string> parts;
  for (uint64_t first = 0; first < rows; first += part_rows) {
    parts.push_back(file.parent_path() / fmt::format("part-{}.parquet", parts.size()));
    const uint64_t end = std::min(first + part_rows, rows);
    TARN_CHECK_OK(converter.Run(
        fmt::format("COPY (SELECT * FROM read_parquet({}, hive_partitioning = false) "
                    "WHERE file_row_number >= {} AND file_row_number < {}) TO {} ({})",
                    PathLiteral(file.string()), first, end, duck::QuoteLiteral(parts.back()),
                    kParquetOptions),
        "dividing", bytes * (end - first) / rows));
  }
  fs::remove(file, code);
  return parts;
}

}  // namespace tarn::cli
