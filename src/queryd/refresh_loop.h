#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/metrics.h"
#include "base/result.h"
#include "queryd/registrar.h"

namespace tarn::queryd {

// Runs a refresh at once and then every `every`, on its own thread, until it is stopped; writes
// the log and the metrics of what came of it.
class RefreshLoop {
 public:
  // `before` is called before each refresh.
  RefreshLoop(Registrar& registrar, Metrics& metrics, Duration every, Duration timeout,
              std::function<void()> before);
  ~RefreshLoop();

  void Start();
  // Waits for a refresh that runs, up to the deadline; false when it did not end.
  bool Stop(Deadline deadline);

  // True when the first refresh is over.
  bool WaitFirst(Deadline deadline);

  // Whether queries can be answered: the catalogue was read, and some dataset of it is there.
  Result<> Ready() const;

 private:
  void Loop();
  void RefreshOnce(bool initial);
  void Log(const RefreshResult& result, bool initial) const;

  Registrar& registrar_;
  const Duration every_;
  const Duration timeout_;
  const std::function<void()> before_;
  prometheus::Counter& succeeded_;
  prometheus::Counter& failed_;
  prometheus::Histogram& seconds_;
  prometheus::Gauge& datasets_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;    // guarded by mutex_
  bool first_done_ = false;  // guarded by mutex_
  bool ended_ = false;       // guarded by mutex_: the thread is over
  std::string not_ready_ = "the first refresh is not done";  // guarded by mutex_
  std::thread thread_;
};

}  // namespace tarn::queryd
