#pragma once

#include <algorithm>
#include <chrono>

#include "base/duration.h"

namespace tarn {

// A point in monotonic time by which work must end. Passed down by value; a callee may only shorten
// it.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline After(Duration duration) {
    const auto now = Clock::now();
    // Saturates: a duration of 290 years must not overflow into the past.
    if (duration > Clock::time_point::max() - now) return Never();
    return Deadline(now + duration);
  }
  static Deadline Never() { return Deadline(Clock::time_point::max()); }

  bool Passed() const { return Clock::now() >= at_; }
  bool IsNever() const { return at_ == Clock::time_point::max(); }
  Clock::time_point At() const { return at_; }
  Duration Remaining() const {
    const auto now = Clock::now();
    return at_ <= now ? Duration::zero() : std::chrono::duration_cast<Duration>(at_ - now);
  }

 private:
  explicit Deadline(Clock::time_point at) : at_(at) {}
  Clock::time_point at_;
};

}  // namespace tarn
