#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tarn {

// The resources that this process may use; in a container fewer than the host has.

// The number of cores by scheduling affinity and the cgroup's cpu.max, rounded up; at least 1.
size_t MachineCores();
// Bytes of memory by the host and the memory.max of the cgroup and its parents.
uint64_t MachineMemory();

// Makes the C library return freed blocks of 4 MiB and more to the system. Otherwise glibc keeps
// blocks of up to 32 MiB once one of that size was freed (M_MMAP_THRESHOLD, mallopt(3)), so that a
// daemon keeps the memory of a few large requests for ever.
void ReturnLargeBlocks();
// Returns the free memory of the heap to the system (malloc_trim(3)). Takes some milliseconds for
// each 100 MB of the heap.
void ReturnFreeMemory();

// For tests: the same with a cgroup file system at `root`. `group` is a path as in
// /proc/self/cgroup. 0 means no limit.
uint64_t CgroupMemoryLimit(const std::string& root, const std::string& group);
double CgroupCpuLimit(const std::string& root, const std::string& group);

}  // namespace tarn
