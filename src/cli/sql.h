#pragma once

// tarn sql: one statement, and its result on stdout or in a file.

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/remote.h"

namespace tarn::cli {

struct SqlOptions {
  RemoteOptions remote;
  std::string sql;     // Empty or "-": from stdin.
  std::string format;  // table, json, ndjson, csv or arrow; empty: table on a terminal, else csv.
  std::string output;  // A file; empty: stdout.
  std::vector<std::string> params;  // VALUE in the order of the question marks, or NAME=VALUE.
  uint64_t row_limit = 0;           // 0: none, but for a table.
};

Result<> RunSql(const SqlOptions& options);

}  // namespace tarn::cli
