#pragma once

// Converts input files to Parquet files for a dataset.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "duck/footer_metadata.h"
#include "ingest/columns.h"
#include "ingest/put_task.h"

namespace tarn::ingest {

enum class InputFormat { kCsv, kJson, kParquet };

struct Input {
  std::vector<std::string> files;  // At least one. All have the same format.
  // Temporary files, and their names in messages: {"/tmp/x/stdin", "stdin"}.
  std::vector<std::pair<std::string, std::string>> aliases;
  InputFormat format = InputFormat::kCsv;
  std::string delimiter;       // For CSV. Empty: detected.
  bool has_no_header = false;  // For CSV. False: detected.
  std::string encoding;        // For CSV and JSON. Empty: detected.
  // Other options of DuckDB's read_csv: {"nullstr", "NA"}. JSON supports a few of them.
  std::vector<std::pair<std::string, std::string>> options;
  duck::FooterLimits footer_limits = {};  // The limits of queryd.
  bool is_unchecked = false;              // Skips the check of Parquet's values.
  // The given types of columns, in any spelling of DuckDB: {"zip", "text"}.
  std::vector<Column> types;
};

bool HasOption(const Input& input, std::string_view option);

// The options of COPY for Parquet files.
inline constexpr const char* kParquetOptions = "FORMAT parquet, COMPRESSION zstd";

struct ParquetFiles {
  std::vector<std::string> files;  // In the order of their rows.
  std::vector<Column> columns;
  uint64_t rows = 0;
  std::vector<std::string> notes;  // Remarks for the user, a line each.
};

// The format by the extensions: .csv, .tsv, .txt, .json, .ndjson, .jsonl, .parquet, also with .gz
// or .zst. An unknown extension and different formats are errors.
Result<InputFormat> FormatOf(const std::vector<std::string>& files);

// Converts CSV and JSON into new files in `folder`, with the columns of all files. Parquet files
// are checked and stay in their place (parquet_input.h). A loss of data is an error: a line with
// another number of fields, a truncated compressed file, a value that its type would change.
// `wanted` has the columns of the dataset to append to, if there is one. CSV and JSON get these
// columns in their order, and the error lists the differences for each column. Parquet needs types
// that have a common type with those of the dataset (catalog::SchemaUnion). kCancelled after a
// stop.
Result<ParquetFiles> ToParquet(const Input& input, const std::filesystem::path& folder,
                               const std::vector<Column>& wanted, const PutTask& task);

// The differences, a line for each column: "  amount   DOUBLE   VARCHAR". Empty if there are none.
std::string Difference(const std::vector<Column>& there, const std::vector<Column>& here);

// An SQL literal in which the characters of DuckDB's patterns stand for themselves.
std::string PathLiteral(const std::string& path);
std::string PathList(const std::vector<std::string>& paths);

}  // namespace tarn::ingest
