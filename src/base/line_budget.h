#pragma once

// A limit on the log lines that each client can cause: a token bucket for each client and message,
// which holds the lines of one second.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace tarn {

// Thread-safe.
class LineBudget {
 public:
  using Clock = std::chrono::steady_clock;

  // The maximum number of budgets. Further clients share one for each message, with the name "".
  static constexpr size_t kBudgetsMax = 4096;

  // 0 lines per second: no limit.
  explicit LineBudget(uint32_t lines_per_second) : lines_per_second_(lines_per_second) {}

  // Returns false if the line must be left out, and counts it.
  bool Take(std::string_view client, std::string_view message,
            Clock::time_point now = Clock::now());

  // Lines of one client that were left out.
  struct LeftOut {
    std::string client;
    std::string message;
    uint64_t lines = 0;
  };
  // Returns the lines left out since the last call.
  std::vector<LeftOut> TakeLeftOut();

 private:
  struct Bucket {
    double lines = 0;  // The lines that may be written now.
    Clock::time_point updated;
    uint64_t left_out = 0;
  };
  using Key = std::pair<std::string, std::string>;  // Message and client.
  // Also compares views of the texts.
  struct KeyLess {
    using is_transparent = void;  // NOLINT(readability-identifier-naming)
    using View = std::pair<std::string_view, std::string_view>;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return View(a.first, a.second) < View(b.first, b.second);
    }
  };

  Bucket& BucketOf(std::string_view client, std::string_view message, Clock::time_point now)
      TARN_REQUIRES(mutex_);
  static bool IsFull(const Bucket& bucket, Clock::time_point now);

  const uint32_t lines_per_second_;
  Mutex mutex_;
  std::map<Key, Bucket, KeyLess> buckets_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn
