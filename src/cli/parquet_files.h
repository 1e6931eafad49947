#pragma once

// Files that people have become Parquet files that a lake can take.

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/columns.h"

namespace tarn::cli {

enum class InputFormat { kCsv, kJson, kParquet };

struct Input {
  std::vector<std::string> files;  // At least one; all of one format.
  InputFormat format = InputFormat::kCsv;
  std::string delimiter;       // Of CSV; empty: found out.
  bool has_no_header = false;  // Of CSV, where that is said; else found out.
  std::string encoding;        // Of CSV and JSON; empty: UTF-8, or UTF-16 by its first bytes.
  // More options of DuckDB's read_csv, as text: {"nullstr", "NA"}. JSON has a few of them.
  std::vector<std::pair<std::string, std::string>> options;
  bool is_unchecked = false;  // Of Parquet: the values are not read.
  // Types of columns that shall not be found out, as somebody writes them: {"zip", "text"}.
  std::vector<Column> types;
};

bool HasOption(const Input& input, std::string_view option);

// How COPY writes Parquet files.
inline constexpr const char* kParquetOptions = "FORMAT parquet, COMPRESSION zstd";

struct ParquetFiles {
  std::vector<std::string> files;  // In the order of their rows.
  std::vector<Column> columns;
  uint64_t rows = 0;
  std::vector<std::string> notes;  // What somebody may want to know, a line each.
};

// By the endings of the names: .csv, .tsv, .txt, .json, .ndjson, .jsonl, .parquet, also with .gz or
// .zst. The error names what is not known, or differs.
Result<InputFormat> FormatOf(const std::vector<std::string>& files);

// CSV and JSON are written into new files in `folder`, with the columns of all files together;
// Parquet stays where it is, and all of its values are read once. What would be lost of them is an
// error: lines of CSV that do not fit the others, the end of a packed file, values that are others
// in the type that they are to have. `wanted` has the columns of the dataset that they are added
// to, if there is one. CSV and JSON get these, in their order: the error says column by column what
// does not fit. Parquet has to have types that the dataset can hold beside its own
// (catalog::SchemaUnion), and the result has the columns of both. A stop ends it: kCancelled.
Result<ParquetFiles> ToParquet(const Input& input, const std::filesystem::path& folder,
                               const std::vector<Column>& wanted, const std::stop_token& stop);

// What differs, a line for each column: "  amount   DOUBLE   VARCHAR". Empty: nothing.
std::string Difference(const std::vector<Column>& there, const std::vector<Column>& here);

// As SQL: a path is a path, what DuckDB's glob takes for a pattern is a character here.
std::string PathLiteral(const std::string& path);
std::string PathList(const std::vector<std::string>& paths);

}  // namespace tarn::cli
