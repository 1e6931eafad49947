#pragma once

#include <string>

#include "base/result.h"

namespace tarn::cli {

struct UpOptions {
  std::string place;  // A folder, or s3://BUCKET[/PREFIX]. Empty: sample data.
  std::string
      config_path;    // The configuration for a bucket. Empty: ./lakehouse.toml, if it exists.
  std::string every;  // The interval of the checks for changes. Empty: the default.
  bool allow_anonymous = false;  // Listen without tokens on addresses that other machines reach.
  std::string bind = "127.0.0.1:3214";
  std::string log_level = "warn";
};

// tarn up: serves a local folder or a bucket, with catalogue and SQL on one port. Blocks until a
// signal stops the program.
Result<> Up(const UpOptions& options);

}  // namespace tarn::cli
