#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace tarn::queryd {

// A started process, and the front's ends of its sockets.
struct Spawned {
  pid_t pid = -1;
  int control = -1;
  std::vector<int> slots;
};

// Starts tarn-engine with the descriptors of protocol/descriptors.h, stdout and stderr, and
// /dev/null as stdin. The engine inherits only the environment variables on a list. A process
// without slots only probes.
Result<Spawned> SpawnEngine(const std::string& program, size_t slots);

}  // namespace tarn::queryd
