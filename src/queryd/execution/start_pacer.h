#pragma once

#include <algorithm>
#include <chrono>

#include "base/duration.h"
#include "base/mutex.h"

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

  // Returns the delay of the next start from `now`, and counts that start.
  Duration Take(Clock::time_point now) {
    const Duration wait = Wait(now);
    // `full_at_` is when the bucket is full: each start moves it by one interval.
    if (interval_ > Duration::zero()) full_at_ = std::max(full_at_, now) + interval_;
    return wait;
  }

  // Returns the delay without counting a start.
  Duration Wait(Clock::time_point now) const {
    if (interval_ <= Duration::zero()) return Duration::zero();
    const Duration allowed = interval_ * static_cast<int64_t>(std::max<size_t>(burst_, 1));
    return std::max<Duration>(std::max(full_at_, now) + interval_ - now - allowed,
                              Duration::zero());
  }

 private:
  const size_t burst_;
  const Duration interval_;
  Clock::time_point full_at_ = Clock::time_point::min();
};

// The budget of starts that all engines of a queryd share. An engine whose processes crash
// repeatedly can use up the shared starts. Therefore each engine also has one start of its own,
// which it gets again after the time of a whole burst.
//
// Thread-safe.
class StartBudget {
 public:
  StartBudget(size_t burst, Duration interval)
      : reserve_interval_(interval * static_cast<int64_t>(std::max<size_t>(burst, 1))),
        common_(burst, interval) {}

  // The own start of one engine, for Take.
  StartPacer MakeReserve() const { return {1, reserve_interval_}; }

  // Returns the delay of the engine's next start from `now`, and counts that start.
  Duration Take(StartPacer& reserve, StartPacer::Clock::time_point now) {
    const MutexLock lock(mutex_);
    const bool is_common = common_.Wait(now) <= reserve.Wait(now);
    return is_common ? common_.Take(now) : reserve.Take(now);
  }

 private:
  const Duration reserve_interval_;
  Mutex mutex_;
  StartPacer common_ TARN_GUARDED_BY(mutex_);
};

// The budgets of a queryd. Isolated processes have a separate one, so that suspect queries do not
// delay the starts of other processes.
struct EngineStarts {
  EngineStarts(size_t burst, Duration interval)
      : current(burst, interval), isolated(burst, interval) {}
  StartBudget current;
  StartBudget isolated;
};

}  // namespace tarn::queryd
