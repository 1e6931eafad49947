#pragma once

// tarn status: shows the state of the daemons.

#include "base/result.h"
#include "cli/commands/remote.h"

namespace tarn::cli {

struct StatusOptions {
  RemoteOptions remote;
  bool json = false;
};

// Prints the state of the daemons. Returns an error if one of them does not respond or is not
// ready.
Result<> ShowStatus(const StatusOptions& options);

}  // namespace tarn::cli
