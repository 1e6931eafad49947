#pragma once

// A limit on the log lines that each client can cause: a token bucket for each client, which holds
// the lines of one second.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"

namespace tarn {

// Thread-safe.
class LineBudget {
 public:
  using Clock = std::chrono::steady_clock;

  // Clients with a budget of their own. The others share one, with the name "".
  static constexpr size_t kClientsMax = 4096;

  explicit LineBudget(uint32_t lines_per_second) : lines_per_second_(lines_per_second) {}

  // Returns the number of the client's lines that were suppressed since its last written one, or
  // nullopt if this line must be suppressed too. Without a limit (0 lines per second), 0.
  std::optional<uint64_t> Take(std::string_view client, Clock::time_point now = Clock::now());

 private:
  struct Bucket {
    double lines = 0;  // The lines that may be written now.
    Clock::time_point updated;
    uint64_t suppressed = 0;
  };

  Bucket& BucketOf(std::string_view client, Clock::time_point now) TARN_REQUIRES(mutex_);
  bool IsFull(const Bucket& bucket, Clock::time_point now) const;

  const uint32_t lines_per_second_;
  Mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn
