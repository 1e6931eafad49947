#pragma once

// SQL that reads scanned files of CSV.

#include <string>
#include <vector>

#include "cli/columns.h"
#include "cli/csv_files.h"
#include "cli/parquet_files.h"
#include "ingest/text_kinds.h"

namespace tarn::cli {

// A column of one file or several.
struct CsvColumn {
  std::string name;
  ingest::TextKinds kinds;
  std::string first_type = "VARCHAR";  // As DuckDB takes the first rows.
};

// By their names, as SQL takes names, in the order of the files.
std::vector<CsvColumn> ColumnsOfFiles(const std::vector<CsvFile>& files);

// The text behind FROM for the rows of all files, in their order. Columns that are not in `columns`
// are VARCHAR. DuckDB finds out nothing by itself.
std::string ReadCsvFiles(const Input& input, const std::vector<CsvFile>& files,
                         const std::vector<Column>& columns);

}  // namespace tarn::cli
