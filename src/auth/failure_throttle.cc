#include "auth/failure_throttle.h"

#include <algorithm>

namespace tarn::auth {

FailureThrottle::Failures& FailureThrottle::FailuresOf(const std::string& address,
                                                       Clock::time_point now) {
  const auto found = failures_.find(address);
  if (found != failures_.end()) return found->second;
  if (failures_.size() >= kAddressesMax) {
    std::erase_if(failures_, [now](const auto& entry) {
      return entry.second.waiting == 0 && now - entry.second.last > kForgetAfter;
    });
    if (failures_.size() >= kAddressesMax) return others_;
  }
  return failures_[address];
}

std::optional<Duration> FailureThrottle::RecordFailure(const std::string& address,
                                                       Clock::time_point now) {
  const MutexLock lock(mutex_);
  Failures& failures = FailuresOf(address, now);
  if (now - failures.last > kForgetAfter) failures.in_a_row = 0;
  failures.last = now;
  if (failures.waiting >= kWaitingMax) return std::nullopt;
  const Duration delay =
      std::min<Duration>(kDelayMin * (1 << std::min(failures.in_a_row, 10)), kDelayMax);
  ++failures.in_a_row;
  ++failures.waiting;
  return delay;
}

void FailureThrottle::Done(const std::string& address) {
  const MutexLock lock(mutex_);
  const auto found = failures_.find(address);
  Failures& failures = found == failures_.end() ? others_ : found->second;
  if (failures.waiting > 0) --failures.waiting;
}

}  // namespace tarn::auth
