#pragma once

// Detects the format of CSV files that cannot be scanned: delimiter, quotes, names, dates.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "ingest/columns.h"
#include "ingest/converter.h"
#include "ingest/parquet_files.h"

namespace tarn::ingest {

struct CsvDialect {
  std::string options;  // For read_csv, with those that were given: ", quote = '"'".
  // For strptime, as DuckDB detected them.
  std::set<std::string> date_formats;
  std::set<std::string> timestamp_formats;
  std::optional<bool> has_header;  // Empty: it was given, or cannot be detected.
};

// Detects the format from the first rows of all files. Lines that DuckDB would skip are an error.
// If the detection fails, the reader reports the reason.
Result<CsvDialect> FindDialect(const Input& input, Converter& converter);

// Refuses files whose lines DuckDB reads as one column, because they have different numbers of
// fields. The error names the line.
Result<> CheckDelimiter(const Input& input, const std::vector<Column>& columns,
                        Converter& converter);

}  // namespace tarn::ingest
