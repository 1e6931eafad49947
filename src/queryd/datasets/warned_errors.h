#pragma once

#include <chrono>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/duration.h"

namespace tarn::queryd {

// The errors that the log already shows. They are compared one by one, because each refresh reports
// only the errors of the datasets that it tried again, in any order. Not thread-safe.
class WarnedErrors {
 public:
  using Clock = std::chrono::steady_clock;

  // Known errors are logged again after this time.
  explicit WarnedErrors(Duration again_after) : again_after_(again_after) {}

  // Takes the errors of a refresh. Returns true if they must be logged: one of them is new, or the
  // last warning is too long ago. A refresh without errors makes all errors new again.
  bool Note(const std::vector<std::string>& errors, Clock::time_point now);

 private:
  const Duration again_after_;
  Clock::time_point warned_at_;
  std::unordered_set<size_t> warned_;  // The hashes of the errors since warned_at_.
};

}  // namespace tarn::queryd
