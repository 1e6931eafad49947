#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "queryd/datasets/registrar.h"
#include "queryd/datasets/warned_errors.h"

namespace tarn::queryd {

// Runs a refresh at once and then every `every`, on its own thread, until it is stopped. Logs the
// results and updates the metrics. Between two refreshes it follows a catalogue that can report
// changes, so that they go live at once.
class RefreshLoop {
 public:
  // `before` is called before each refresh.
  struct Options {
    Duration every;
    Duration timeout;  // The time limit of each refresh.
    // The same errors are logged as a warning again after this time.
    Duration warn_again_after{0};
  };
  RefreshLoop(Registrar& registrar, Metrics& metrics, const Options& options,
              std::function<void()> before);
  ~RefreshLoop();

  void Start();
  // Waits for a running refresh. Returns false if it does not end before the deadline.
  bool Stop(Deadline deadline);

  // Waits for the first refresh. Returns false if it does not end before the deadline.
  bool WaitFirst(Deadline deadline);

  // Returns an error until the catalogue was read and at least one of its datasets is live.
  Result<> Ready() const;

 private:
  using Clock = std::chrono::steady_clock;

  void Loop();
  void RefreshOnce(bool initial);
  // Follows the catalogue until this time, or until Stop.
  void FollowUntil(Clock::time_point until);
  // The same for a catalogue that cannot be followed: only collects the running probes.
  void CollectUntil(Clock::time_point until);
  void WaitUntil(Clock::time_point until);
  // Runs the work. An exception becomes an error of the result.
  template <class Work>
  RefreshResult Run(Work work);
  void Note(const RefreshResult& result, bool initial);
  void ShowProbes();  // Updates the metrics.
  void Log(const RefreshResult& result, bool initial);

  Registrar& registrar_;
  const Options options_;
  const std::function<void()> before_;
  prometheus::Counter& succeeded_;
  prometheus::Counter& failed_;
  prometheus::Histogram& seconds_;
  prometheus::Gauge& datasets_;
  prometheus::Counter& overwritten_;
  prometheus::Gauge& crashed_;
  prometheus::Gauge& probed_;
  prometheus::Gauge& waiting_;
  prometheus::Gauge& schema_bytes_;
  uint64_t items_ = 0;  // The sum since free memory was last returned.

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  std::stop_source stop_;
  bool first_done_ TARN_GUARDED_BY(mutex_) = false;
  bool ended_ TARN_GUARDED_BY(mutex_) = false;  // The thread has ended.
  std::string not_ready_ TARN_GUARDED_BY(mutex_) = "the first refresh is not done";
  WarnedErrors warned_;  // Only used by the thread.
  std::thread thread_;
};

}  // namespace tarn::queryd
