#pragma once

// tarn status: how the daemons are, in words.

#include "base/result.h"
#include "cli/commands/remote.h"

namespace tarn::cli {

struct StatusOptions {
  RemoteOptions remote;
  bool json = false;
};

// The error says that one of the daemons does not answer or is not ready; what could be learned is
// printed all the same.
Result<> ShowStatus(const StatusOptions& options);

}  // namespace tarn::cli
