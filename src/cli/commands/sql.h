#pragma once

// tarn sql: runs a statement, and writes the result to stdout or a file.

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/commands/remote.h"
#include "cli/terminal/colours.h"

namespace tarn::cli {

struct SqlOptions {
  RemoteOptions remote;
  std::string sql;     // Empty or "-" for stdin.
  std::string format;  // table, json, ndjson, csv or arrow. Empty: table on a terminal, else csv.
  std::string output;  // A file. Empty: stdout.
  std::vector<std::string> params;  // VALUE in the order of the question marks, or NAME=VALUE.
  uint64_t row_limit = 0;           // 0 for the default: 10,000 for a table, else no limit.
};

// The values of --format.
std::vector<std::string> SqlFormats();

// Runs a statement, or opens the prompt on a terminal if there is none.
Result<> RunSql(const SqlOptions& options);

struct Statement {
  std::string sql;
  nlohmann::ordered_json params = nullptr;  // A list, an object, or null.
  std::string format;                       // As in SqlOptions, but not empty.
  uint64_t row_limit = 0;
  bool shows_progress = false;  // On stderr.
  Colours colours = {};         // For a table.
};

struct Outcome {
  uint64_t rows = 0;  // Known for a table.
  bool is_truncated = false;
  double seconds = 0;
};

using Output = std::function<Result<>(std::string_view bytes)>;

// Runs a statement. Ctrl-C cancels it: kCancelled.
Result<Outcome> RunStatement(const Remote& remote, const Statement& statement,
                             const Output& output);

// Returns "(3 rows, 12 ms)".
std::string Footer(const Outcome& outcome);

}  // namespace tarn::cli
