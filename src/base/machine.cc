#include "base/machine.h"

#include <malloc.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>

namespace tarn {
namespace {

constexpr const char* kCgroupRoot = "/sys/fs/cgroup";

// The cgroup path of this process in the unified hierarchy (cgroups(7)): the line "0::/path".
std::string OwnCgroup() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return "/";
}

// Calls `read` with the folder of the group and of each parent group, because each of them has
// limits.
void ForEachGroup(const std::string& root, std::string group,
                  const std::function<void(const std::string& folder)>& read) {
  for (;;) {
    read(root + group);
    const size_t slash = group.rfind('/');
    if (group.empty() || group == "/" || slash == std::string::npos) return;
    group.resize(slash);
  }
}

}  // namespace

uint64_t CgroupMemoryLimit(const std::string& root, const std::string& group) {
  uint64_t limit = 0;
  ForEachGroup(root, group, [&](const std::string& folder) {
    std::ifstream file(folder + "/memory.max");
    uint64_t bytes = 0;
    if (file >> bytes) limit = limit == 0 ? bytes : std::min(limit, bytes);  // Not a number: "max".
  });
  return limit;
}

double CgroupCpuLimit(const std::string& root, const std::string& group) {
  double limit = 0;
  ForEachGroup(root, group, [&](const std::string& folder) {
    std::ifstream file(folder + "/cpu.max");
    double quota = 0;
    double period = 0;
    if (file >> quota >> period && period > 0) {
      limit = limit == 0 ? quota / period : std::min(limit, quota / period);
    }
  });
  return limit;
}

size_t MachineCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const bool known = sched_getaffinity(0, sizeof(set), &set) == 0;
  auto cores = static_cast<size_t>(known ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN));
  const double quota = CgroupCpuLimit(kCgroupRoot, OwnCgroup());
  if (quota > 0) cores = std::min(cores, static_cast<size_t>(std::ceil(quota)));
  return std::max<size_t>(cores, 1);
}

uint64_t MachineMemory() {
  const uint64_t host =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t limit = CgroupMemoryLimit(kCgroupRoot, OwnCgroup());
  return limit == 0 ? host : std::min(host, limit);
}

void ReturnFreeMemory() { malloc_trim(0); }

void ReturnLargeBlocks() { mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024); }

}  // namespace tarn
