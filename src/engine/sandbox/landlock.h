#pragma once

// Landlock (landlock(7)): a process takes files and the network away from itself, for good.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace tarn::engine {

// What stays allowed. All else that the kernel's Landlock knows is refused with EACCES: reading,
// writing and making files, running programs, TCP (version 4), devices (5), signals to processes
// outside and abstract UNIX sockets (6). It does not know stat(), chmod() and the like.
struct LandlockRules {
  // Files, and folders with all that is below them. What is not there is left out.
  std::vector<std::string> read;
  // Folders in which, and below which, names of files may be listed. What is not there is left out.
  std::vector<std::string> list;
  // Folders whose files may be made, read, written and removed.
  std::vector<std::string> write;
  // Ports of TCP, on any machine.
  std::vector<uint16_t> connect;
};

// The version of the kernel's Landlock; 0: it has none, or it is turned off. With 4 it knows TCP.
int LandlockVersion();
constexpr int kLandlockWithTcp = 4;

// For this thread and those that it starts from now on; needs no_new_privs. Others go on as
// before, so call it while there are none.
Result<> RestrictByLandlock(const LandlockRules& rules);

}  // namespace tarn::engine
