#pragma once

// tarn check: what is wrong with a lakehouse.toml and what it names, in words that say what to do.

#include <string>

#include "base/result.h"
#include "cli/commands/remote.h"

namespace tarn::cli {

struct CheckOptions {
  RemoteOptions remote;  // Its config_path is the file.
  bool json = false;
};

// The error counts what is wrong; what it is was printed.
Result<> Check(const CheckOptions& options);

}  // namespace tarn::cli
