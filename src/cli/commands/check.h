#pragma once

// tarn check: finds problems with a configuration, its bucket and its daemons.

#include <string>

#include "base/result.h"
#include "cli/commands/remote.h"

namespace tarn::cli {

struct CheckOptions {
  RemoteOptions remote;  // config_path is the checked configuration.
  bool json = false;
};

// Prints the findings. Returns an error with the number of problems if there are any.
Result<> Check(const CheckOptions& options);

}  // namespace tarn::cli
