#pragma once

// How files of CSV are written: what is between columns, quotes, names, dates.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/columns.h"
#include "cli/converter.h"
#include "cli/parquet_files.h"

namespace tarn::cli {

struct CsvDialect {
  std::string options;  // Of read_csv: ", quote = '"'", what somebody has said among them.
  // Of strptime, as DuckDB has guessed them.
  std::set<std::string> date_formats;
  std::set<std::string> timestamp_formats;
  std::optional<bool> has_header;  // None: it was said, or cannot be found out.
};

// Found out of the first rows of all files. An error where something of them would be left out, or
// taken for what it is not. What cannot be found out is left to the reader, which says why.
Result<CsvDialect> FindDialect(const Input& input, Converter& converter);

// Files whose lines have different numbers of columns would become one column of whole lines. The
// error says which line it is.
Result<> CheckDelimiter(const Input& input, const std::vector<Column>& columns,
                        Converter& converter);

}  // namespace tarn::cli
