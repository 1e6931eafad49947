#pragma once

// The SQL that reads scanned CSV files.

#include <memory>
#include <string>
#include <vector>

#include "ingest/columns.h"
#include "ingest/csv_files.h"
#include "ingest/csv_rows.h"
#include "ingest/parquet_files.h"
#include "ingest/text_kinds.h"

namespace tarn::ingest {

// A column of one file or several.
struct CsvColumn {
  std::string name;
  TextKinds kinds;
  std::string first_type = "VARCHAR";  // DuckDB's type for the first rows.
};

// Matched by name, without regard to case, in the order of the files.
std::vector<CsvColumn> ColumnsOfFiles(const std::vector<CsvFile>& files);

// The rows of all files, as texts, in batches that become row groups. `rules`: of each column.
std::shared_ptr<CsvRows> RowsOfFiles(const std::vector<CsvColumn>& columns,
                                     const std::vector<CsvFile>& files, const BatchLimits& limits,
                                     std::vector<ColumnRule> rules);

// The FROM clause for the rows of all files, in their order. Columns that are not in `columns` are
// VARCHAR. All options are set, so DuckDB detects nothing.
std::string ReadCsvFiles(const Input& input, const std::vector<CsvFile>& files,
                         const std::vector<Column>& columns);

}  // namespace tarn::ingest
