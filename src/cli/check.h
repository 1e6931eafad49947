#pragma once

// tarn check: finds problems of a lakehouse.toml, its bucket and its daemons, and says how to fix
// them.

#include <string>

#include "base/result.h"
#include "cli/remote.h"

namespace tarn::cli {

struct CheckOptions {
  RemoteOptions remote;  // config_path is the file to check.
  bool json = false;
};

// Prints the findings. The error has the number of problems.
Result<> Check(const CheckOptions& options);

}  // namespace tarn::cli
