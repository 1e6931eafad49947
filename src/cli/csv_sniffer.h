#pragma once

// How one file of CSV seems to be written, by its first rows.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/columns.h"
#include "cli/converter.h"
#include "cli/parquet_files.h"

namespace tarn::cli {

struct SniffedCsv {
  bool has_header = false;
  char delimiter = ',';
  char quote = 0;   // 0: there is none in the first rows.
  char escape = 0;  // The same.
  uint64_t lines_to_skip = 0;
  std::vector<Column> columns;
  std::string date_format;       // Of strptime; empty: there are no dates.
  std::string timestamp_format;  // The same.
};

// `options`: of sniff_csv, as ", delim = ';'".
Result<SniffedCsv> SniffCsv(const std::string& file, const std::string& options,
                            Converter& converter);

// The given options, and those that DuckDB must not find out by itself.
std::string GivenCsvOptions(const Input& input);
bool SaysDelimiter(const Input& input);
bool SaysHeader(const Input& input);

// Excel's first line "sep=;" is an error, since it is neither names nor a row.
Result<> CheckSeparatorLine(const Input& input, const std::string& file);

Error ValuesInOtherQuotes(const std::string& file, char quote);
Error OtherHeader(const std::string& first, const std::string& file, bool first_has_header);

}  // namespace tarn::cli
