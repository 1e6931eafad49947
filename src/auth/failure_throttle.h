#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "base/mutex.h"
#include "base/text_hash.h"

namespace tarn::auth {

// Slows down guessing of tokens: the response to an unknown token is delayed, longer after each
// failure of the same address. Requests with a valid token are not delayed. Thread-safe.
class FailureThrottle {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr Duration kDelayMin = std::chrono::milliseconds(100);
  static constexpr Duration kDelayMax = std::chrono::seconds(5);
  static constexpr Duration kForgetAfter = std::chrono::minutes(1);
  static constexpr size_t kWaitingMax = 4;  // Delayed responses of one address.
  static constexpr size_t kAddressesMax = 10'000;

  // Records an unknown token. Returns the delay of its response; the caller calls Done() after the
  // delay. Returns nullopt if too many responses of the address are already delayed.
  std::optional<Duration> RecordFailure(const std::string& address,
                                        Clock::time_point now = Clock::now());
  void Done(const std::string& address);

 private:
  struct Failures {
    int in_a_row = 0;
    size_t waiting = 0;
    Clock::time_point last;
  };
  // The failures of an address; addresses beyond kAddressesMax share one entry.
  Failures& FailuresOf(const std::string& address, Clock::time_point now) TARN_REQUIRES(mutex_);

  Mutex mutex_;
  TextMap<Failures> failures_ TARN_GUARDED_BY(mutex_);
  Failures others_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::auth
