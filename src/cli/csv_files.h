#pragma once

// Files of CSV that are read in full before DuckDB reads them: how they are written, whether each
// line has as many fields as the first one, and the types that hold all values.

#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/columns.h"
#include "cli/converter.h"
#include "cli/parquet_files.h"
#include "ingest/csv_scan.h"

namespace tarn::cli {

struct CsvFile {
  std::string path;
  ingest::CsvSyntax syntax;
  ingest::CsvScan scan;
  std::vector<std::string> names;        // Of its columns: no two equal in any case.
  std::vector<std::string> first_types;  // As DuckDB takes the first rows; empty: not known.
  std::string date_format;               // As DuckDB takes the first rows; empty: not known.
  std::string timestamp_format;
};

// Whether a scan understands all options. It does not understand those that change which lines are
// rows, or the columns (ignore_errors, columns).
bool CanScanCsv(const Input& input);

// An error names the first line that does not fit. The names of columns that are not those of the
// file are added to `notes`.
Result<std::vector<CsvFile>> ScanCsvFiles(const Input& input, Converter& converter,
                                          const std::stop_token& stop,
                                          std::vector<std::string>& notes);

}  // namespace tarn::cli
