#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/deadline.h"

namespace tarn::auth {

// Makes trying out tokens slow: what is answered to a wrong one waits, and the longer the more
// wrong ones came from that address. Who has a right one never waits. Thread-safe.
class FailureThrottle {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr Duration kDelayMin = std::chrono::milliseconds(100);
  static constexpr Duration kDelayMax = std::chrono::seconds(5);
  static constexpr Duration kForgetAfter = std::chrono::minutes(1);
  static constexpr size_t kWaitingMax = 4;  // Answers of one address.
  static constexpr size_t kAddressesMax = 10'000;

  // A wrong token came: how long its answer has to wait, after which Done() is called. None when
  // as many wait already as may: it is answered at once, that there are too many.
  std::optional<Duration> Failed(const std::string& address, Clock::time_point now = Clock::now());
  void Done(const std::string& address);

 private:
  struct Failures {
    int in_a_row = 0;
    size_t waiting = 0;
    Clock::time_point last;
  };
  // Of an address; all that find no room share one.
  Failures& Of(const std::string& address, Clock::time_point now);  // Needs mutex_.

  std::mutex mutex_;
  std::unordered_map<std::string, Failures> failures_;  // guarded by mutex_
  Failures others_;                                     // guarded by mutex_
};

}  // namespace tarn::auth
