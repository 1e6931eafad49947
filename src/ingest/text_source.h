#pragma once

// Opens CSV and JSON files for DuckDB, so that every loss of data is an error.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "ingest/column_casts.h"
#include "ingest/columns.h"
#include "ingest/converter.h"
#include "ingest/parquet_files.h"
#include "ingest/put_task.h"
#include "ingest/text_forms.h"

namespace tarn::ingest {

struct TextSource {
  std::string sql;              // The FROM clause.
  std::vector<Column> columns;  // The columns of `sql`.
  // The same with their detected types, also for columns that `sql` returns as text.
  std::vector<Column> found;
  TextForms forms;                       // The forms of the texts in the columns.
  std::optional<uint64_t> rows;          // The number of rows; none: unknown.
  std::function<uint64_t()> bytes_read;  // The number of bytes read so far; null: unknown.
  // The error of the reader, if it ended the conversion; null: DuckDB has its message.
  std::function<std::optional<Error>()> read_error;
  // Reads the files again and returns the error for the first line with a text that a cast refused;
  // nullopt: not found. Null: unsupported.
  std::function<std::optional<Error>(const CastFailure&)> find_line;
  bool has_batches = false;  // The batches of rows become row groups.
  // DuckDB's reader of CSV gives batches whose sizes depend on the number of threads.
  bool needs_one_thread = false;
  // Columns that `sql` returns as text. The reader refuses texts that their target type would
  // change.
  std::set<std::string> checked;
  // Remarks about the types, a line each.
  std::vector<std::string> notes;
};

// Columns with a target type come as text, if there is a rule for its texts (ingest/text_rules.h).
// If DuckDB reads CSV, only columns with a target type of text or numbers come as text, and their
// rule is TextForms::CanBecome.

// DuckDB detects the format from the first rows. Then a scan reads all rows (ingest/csv_scan.h): a
// column gets a type that represents all of its texts, or else VARCHAR. A line with another number
// of fields than the first one is an error.
//
// `folder`: for files that are written again for DuckDB's reader of CSV. It reads the rows only if
// there are options that the scan does not support.
Result<TextSource> OpenCsv(const Input& input, const std::vector<Column>& targets,
                           const std::filesystem::path& folder, Converter& converter,
                           const PutTask& task);

// Reads all files for their keys and types, also those of nested values (ingest/json_rows.h). As in
// CSV, a column gets a type that represents all of its texts.
Result<TextSource> OpenJson(const Input& input, const std::vector<Column>& targets,
                            Converter& converter, const PutTask& task);

// True if DuckDB reads a column as text because of its target type. `target` is null without one.
bool ComesAsText(const Column* target);

// ", NAME = 'VALUE'" for each given option, and for options that turn off a detection of DuckDB.
std::string OptionsText(const Input& input);

// Sets source.found: columns with a target keep the types from `before`.
void KeepFound(const std::vector<Column>& before, const std::vector<Column>& targets,
               TextSource& source);

}  // namespace tarn::ingest
