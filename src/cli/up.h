#pragma once

#include <string>

#include "base/result.h"

namespace tarn::cli {

struct UpOptions {
  std::string place;  // A folder, or s3://BUCKET[/PREFIX]. Empty: sample data.
  // The lakehouse.toml for a bucket. Empty: ./lakehouse.toml, if it exists.
  std::string config_path;
  // The interval of the checks for changes. Empty: 1 s for a folder, 10 s for a bucket.
  std::string every;
  // Without tokens, also on an address that other machines can reach.
  bool allow_anonymous = false;
  std::string bind = "127.0.0.1:3214";
  std::string log_level = "warn";
};

// tarn up: serves the catalogue and SQL of a folder or a bucket on one port. Blocks until a signal
// stops the program.
Result<> Up(const UpOptions& options);

}  // namespace tarn::cli
