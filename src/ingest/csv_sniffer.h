#pragma once

// The probable format of a CSV file, by its first rows.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "ingest/columns.h"
#include "ingest/converter.h"
#include "ingest/parquet_files.h"

namespace tarn::ingest {

struct SniffedCsv {
  bool has_header = false;
  char delimiter = ',';
  char quote = 0;   // 0: the first rows have none.
  char escape = 0;  // 0: the first rows have none.
  uint64_t lines_to_skip = 0;
  std::vector<Column> columns;
  std::string date_format;       // For strptime; empty without dates.
  std::string timestamp_format;  // For strptime; empty without timestamps.
};

// `options` for sniff_csv, such as ", delim = ';'".
Result<SniffedCsv> SniffCsv(const std::string& file, const std::string& options,
                            Converter& converter);

// The given options, and those that DuckDB must not detect.
std::string GivenCsvOptions(const Input& input);
bool SaysDelimiter(const Input& input);
bool SaysHeader(const Input& input);

// The line "sep=;" of Excel is an error, because it is neither a header nor a row.
Result<> CheckSeparatorLine(const Input& input, const std::string& file);

Error OtherQuotesError(const std::string& file, char quote);
Error OtherHeaderError(const std::string& first, const std::string& file, bool first_has_header);

}  // namespace tarn::ingest
