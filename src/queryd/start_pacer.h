#pragma once

#include <algorithm>
#include <chrono>

#include "base/duration.h"

namespace tarn::queryd {

// Paces the starts of processes: `burst` of them at once, and then one each `interval`. A token
// bucket, as in https://en.wikipedia.org/wiki/Token_bucket.
//
// Not thread-safe.
class StartPacer {
 public:
  using Clock = std::chrono::steady_clock;

  // A zero `interval` paces nothing.
  StartPacer(size_t burst, Duration interval) : burst_(burst), interval_(interval) {}

  // How long the next start has to wait from `now` on. It counts as done after that.
  Duration Take(Clock::time_point now) {
    if (interval_ <= Duration::zero()) return Duration::zero();
    // `full_at_` is when the bucket is full: each start moves it by one interval.
    full_at_ = std::max(full_at_, now) + interval_;
    const Duration allowed = interval_ * static_cast<int64_t>(std::max<size_t>(burst_, 1));
    return std::max<Duration>(full_at_ - now - allowed, Duration::zero());
  }

 private:
  const size_t burst_;
  const Duration interval_;
  Clock::time_point full_at_ = Clock::time_point::min();
};

}  // namespace tarn::queryd
