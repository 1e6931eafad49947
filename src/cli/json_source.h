#pragma once

// How files of JSON are read so that nothing of them is lost in silence.

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/columns.h"
#include "cli/converter.h"
#include "cli/parquet_files.h"
#include "cli/text_forms.h"

namespace tarn::cli {

struct JsonSource {
  std::string sql;              // What stands behind FROM.
  std::vector<Column> columns;  // As it gives them.
  std::vector<Column> found;    // With the types that were found, also where text is given.
  TextForms forms;              // How the texts of its columns are written.
  std::vector<std::string> notes;
};

// DuckDB looks at all of the files for their keys, and what is nested in them. Numbers and strings
// at the top are taken as they are written, and get a type that holds all of them, as those of CSV:
// DuckDB takes the time of another zone for one of UTC, and a string for a UUID in lower case.
//
// Columns of `targets` that are to become text or numbers come as text, as in csv_source.h.
Result<JsonSource> OpenJson(const Input& input, const std::vector<Column>& targets,
                            Converter& converter);

}  // namespace tarn::cli
