#pragma once

// tarn sql: one statement, and its result on stdout or in a file.

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
  std::string sql;     // Empty or "-": from stdin.
  std::string format;  // table, json, ndjson, csv or arrow; empty: table on a terminal, else csv.
  std::string output;  // A file; empty: stdout.
  std::vector<std::string> params;  // VALUE in the order of the question marks, or NAME=VALUE.
  uint64_t row_limit = 0;           // 0: none, but for a table.
};

// The values of --format.
std::vector<std::string> SqlFormats();

// Without a statement, on a terminal: the prompt.
Result<> RunSql(const SqlOptions& options);

struct Statement {
  std::string sql;
  nlohmann::ordered_json params = nullptr;  // A list, an object, or nothing.
  std::string format;                       // As above; not empty.
  uint64_t row_limit = 0;
  bool shows_progress = false;  // On stderr.
  Colours colours = {};         // Of a table.
};

struct Outcome {
  uint64_t rows = 0;  // Of a table.
  bool is_truncated = false;
  double seconds = 0;
};

using Output = std::function<Result<>(std::string_view bytes)>;

// Ctrl-C cancels it: kCancelled.
Result<Outcome> RunStatement(const Remote& remote, const Statement& statement,
                             const Output& output);

// "(3 rows, 12 ms)"
std::string Footer(const Outcome& outcome);

}  // namespace tarn::cli
