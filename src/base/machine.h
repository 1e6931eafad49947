#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tarn {

// What this process may use, which in a container is less than what the host has.

// Processors: by the scheduling affinity and the cgroup's cpu.max, rounded up; at least 1.
size_t MachineCores();
// Bytes of memory: by the host and the memory.max of the cgroup and those above it.
uint64_t MachineMemory();

// The same for a cgroup file system mounted elsewhere; what the tests use. `group` is the path
// in /proc/self/cgroup. 0: no limit.
uint64_t CgroupMemoryLimit(const std::string& root, const std::string& group);
double CgroupCpuLimit(const std::string& root, const std::string& group);

}  // namespace tarn
