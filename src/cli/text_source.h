#pragma once

// Files of CSV or JSON, as they are read so that nothing of them is lost in silence.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/columns.h"
#include "cli/converter.h"
#include "cli/parquet_files.h"
#include "cli/put_task.h"
#include "cli/text_forms.h"

namespace tarn::cli {

struct TextSource {
  std::string sql;               // What stands behind FROM.
  std::vector<Column> columns;   // As it gives them.
  std::vector<Column> found;     // With the types that were found, also where text is given.
  TextForms forms;               // How the texts of its columns are written.
  std::optional<uint64_t> rows;  // How many there are; none: not known.
  std::function<uint64_t()> bytes_read;  // So far, in its files; none: not known.
  // Remarks about the types, a line each.
  std::vector<std::string> notes;
};

// Columns of `targets` that are to become text or numbers come as text, for which
// TextForms::CanBecome is the rule.

// DuckDB finds out from the first rows how the files are written. Then all rows are looked at
// (ingest/csv_scan.h): a column gets a type that holds all of its texts, at last VARCHAR. A line
// that has another number of fields than the first one is an error.
Result<TextSource> OpenCsv(const Input& input, const std::vector<Column>& targets,
                           Converter& converter, const PutTask& task);

// All of the files are read for their keys and types (ingest/json_rows.h), those of nested values
// too. Numbers and strings are taken as they are written, and get a type that holds all of them, as
// the values of CSV.
Result<TextSource> OpenJson(const Input& input, const std::vector<Column>& targets,
                            Converter& converter, const PutTask& task);

// Whether a column is read as text for what it is to become; null: nothing in particular.
bool ComesAsText(const Column* target);

// ", NAME = 'VALUE'" for each option that somebody has given, and what DuckDB must not do by
// itself.
std::string OptionsText(const Input& input);

// Columns that become something else are told of with the types that they had.
void KeepFound(const std::vector<Column>& before, const std::vector<Column>& targets,
               TextSource& source);

}  // namespace tarn::cli
