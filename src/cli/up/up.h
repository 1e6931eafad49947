#pragma once

#include <string>

#include "base/result.h"

namespace tarn::cli {

struct UpOptions {
  std::string place;             // A folder, or s3://BUCKET[/PREFIX]. Empty: sample data.
  std::string config_path;       // Of a bucket: a lakehouse.toml; empty: ./lakehouse.toml, if any.
  std::string every;             // How often the place is looked at; empty: as it is cheap there.
  bool allow_anonymous = false;  // Also where others than this machine can connect.
  std::string bind = "127.0.0.1:3214";
  std::string log_level = "warn";
};

// tarn up: catalogue and SQL in this process on a local folder or a bucket, on one port. Blocks
// until the program is asked to stop.
Result<> Up(const UpOptions& options);

}  // namespace tarn::cli
