#include "base/shared_slots.h"

#include "base/check.h"

namespace tarn {

SharedSlots::Slot SharedSlots::Acquire(const std::string& user) {
  const size_t user_max = user.empty() ? slots_max_ : (slots_max_ + 1) / 2;
  const MutexLock lock(mutex_);
  if (taken_ >= slots_max_) return nullptr;
  size_t& of_user = users_[user];
  if (of_user >= user_max) return nullptr;
  ++of_user;
  ++taken_;
  return {this, [user](SharedSlots* self) { self->Release(user); }};
}

void SharedSlots::Release(const std::string& user) {
  const MutexLock lock(mutex_);
  const auto of_user = users_.find(user);
  TARN_ASSERT(taken_ > 0 && of_user != users_.end(), "a slot was given back twice");
  --taken_;
  if (--of_user->second == 0) users_.erase(of_user);
}

}  // namespace tarn
