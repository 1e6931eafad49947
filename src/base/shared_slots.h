#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"

namespace tarn {

// A limited number of slots, shared by tokens. One token may have half of the slots, rounded up, so
// that it cannot starve the others. Requests without a token may take all slots.
//
// Thread-safe. Outlives its slots.
class SharedSlots {
 public:
  // Released by the destructor. Null: no slot.
  using Slot = std::shared_ptr<void>;

  explicit SharedSlots(size_t slots_max) : slots_max_(slots_max) {}

  // `user` is the name of the token; empty without tokens.
  Slot Acquire(const std::string& user);

 private:
  void Release(const std::string& user);

  const size_t slots_max_;
  Mutex mutex_;
  size_t taken_ TARN_GUARDED_BY(mutex_) = 0;
  std::map<std::string, size_t> users_ TARN_GUARDED_BY(mutex_);  // The slots of each token.
};

}  // namespace tarn
