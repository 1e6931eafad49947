#pragma once

// Landlock (landlock(7)): a process gives up its access to files and to the network, for good.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace tarn::engine {

// The access that stays allowed. The kernel refuses all other access that its version of Landlock
// controls, with EACCES: reading, writing and creating files, running programs, TCP (version 4),
// devices (5), signals to other processes and abstract UNIX sockets (6). Landlock does not control
// stat(), chmod() and similar calls. Paths that do not exist are ignored.
struct LandlockRules {
  // Files, and folders with their content.
  std::vector<std::string> read;
  // Folders that may be listed, with their subfolders.
  std::vector<std::string> list;
  // Folders whose files may be created, read, written and removed.
  std::vector<std::string> write;
  // TCP ports, on any host.
  std::vector<uint16_t> connect;
};

// Returns the version of the kernel's Landlock, or 0 if it has none or it is turned off.
int LandlockVersion();
// The first version that controls TCP.
constexpr int kLandlockWithTcp = 4;

// Restricts this thread and the threads that it starts later, but no other thread. Needs
// no_new_privs.
Result<> RestrictByLandlock(const LandlockRules& rules);

}  // namespace tarn::engine
