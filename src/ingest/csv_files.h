#pragma once

// Scans CSV files before DuckDB reads them: finds their format and the types that fit all values,
// and checks that each line has as many fields as the first one.

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "ingest/columns.h"
#include "ingest/converter.h"
#include "ingest/csv_scan.h"
#include "ingest/parquet_files.h"
#include "ingest/put_task.h"

namespace tarn::ingest {

struct CsvFile {
  std::string path;
  bool is_rewritten = false;  // The path is that of a new file, which is not compressed.
  CsvSyntax syntax;
  CsvScan scan;
  std::vector<std::string> names;        // The columns, unique without regard to case.
  std::vector<std::string> first_types;  // Detected from the first rows; empty: unknown.
  std::string date_format;               // Detected from the first rows; empty: unknown.
  std::string timestamp_format;
};

// True if a scan supports all options. It does not support options that change the columns, or the
// lines that are rows (columns, ignore_errors).
bool CanScanCsv(const Input& input);

// The error names the first line with a wrong number of fields. Adds a note for each column whose
// name differs from the file's.
Result<std::vector<CsvFile>> ScanCsvFiles(const Input& input, Converter& converter,
                                          const PutTask& task, std::vector<std::string>& notes);

// The file that RewriteForDuckDb writes in place of the file with this index.
std::filesystem::path RewrittenFile(const std::filesystem::path& folder, size_t index);

// Writes files again, into `folder`, that DuckDB would divide into other records.
Result<> RewriteForDuckDb(std::vector<CsvFile>& files, const std::filesystem::path& folder,
                          const PutTask& task);

}  // namespace tarn::ingest
