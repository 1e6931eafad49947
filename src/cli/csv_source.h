#pragma once

// How files of CSV are read so that nothing of them is lost in silence.

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/columns.h"
#include "cli/converter.h"
#include "cli/parquet_files.h"
#include "cli/text_forms.h"

namespace tarn::cli {

struct CsvSource {
  std::string sql;              // "read_csv(…)"
  std::vector<Column> columns;  // As it gives them.
  std::vector<Column> found;    // With the types that were found, also where text is given.
  TextForms forms;              // How the texts of its columns are written.
  // What somebody may want to know of the types, a line each.
  std::vector<std::string> notes;
};

// DuckDB finds out how the files are written, and what types their columns have, from their first
// 20,480 rows. Then all rows are looked at: a type that would lose something of a text gives way to
// a wider one, at last to VARCHAR. Lines that DuckDB would leave out are an error.
//
// Columns of `targets` that are to become text, integers or decimals come as text, for which
// TextForms::CanBecome is the rule.
Result<CsvSource> OpenCsv(const Input& input, const std::vector<Column>& targets,
                          Converter& converter);

}  // namespace tarn::cli
