#pragma once

#include <cstddef>
#include <numeric>
#include <vector>

namespace tarn::protocol {

// The sockets that an engine process inherits: the control socket, then one for each slot.
constexpr int kControlDescriptor = 3;
inline std::vector<int> SlotDescriptors(size_t slots) {
  std::vector<int> descriptors(slots);
  std::iota(descriptors.begin(), descriptors.end(), kControlDescriptor + 1);
  return descriptors;
}

// The exit status of an engine process that ended because an allocation failed.
constexpr int kOutOfMemoryStatus = 77;

}  // namespace tarn::protocol
