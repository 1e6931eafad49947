#pragma once

#include <cstddef>
#include <vector>

namespace tarn::protocol {

// The sockets that an engine process finds open: the control socket, then one for each slot.
constexpr int kControlDescriptor = 3;
inline std::vector<int> SlotDescriptors(size_t slots) {
  std::vector<int> descriptors;
  for (size_t i = 0; i < slots; ++i) {
    descriptors.push_back(kControlDescriptor + 1 + static_cast<int>(i));
  }
  return descriptors;
}

}  // namespace tarn::protocol
