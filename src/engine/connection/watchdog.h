#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

#include "base/deadline.h"
#include "base/result.h"
#include "duck/database.h"

namespace tarn::engine {

// Work on a connection that can be cancelled and has a deadline.
//
// Thread-safe. The connection is only interrupted between Begin and End, so that a late cancel
// cannot hit the next statement on the same connection.
class WatchedTask {
 public:
  explicit WatchedTask(Deadline deadline) : deadline_(deadline) {}

  // Returns false if the task is already cancelled or its deadline has passed.
  bool Begin(duck::Connection& connection);
  void End();

  void Cancel(const Error& reason);
  // The reason of the cancellation; nullopt if the task is not cancelled.
  std::optional<Error> CancelReason() const;

  // The progress of the statement in percent; nullopt if unknown.
  std::optional<double> Progress() const;

  Deadline deadline() const { return deadline_; }

 private:
  friend class Watchdog;
  // Interrupts the statement again if it is cancelled and still runs. Returns whether it did.
  bool InterruptAgain();

  const Deadline deadline_;
  mutable std::mutex mutex_;
  duck::Connection* connection_ = nullptr;  // guarded by mutex_; set while it runs
  std::optional<Error> reason_;             // guarded by mutex_
};

// Cancels tasks at their deadline, and interrupts cancelled ones until they end: DuckDB forgets
// an interrupt that comes just before a statement begins.
class Watchdog {
 public:
  Watchdog();
  ~Watchdog();

  void Add(std::shared_ptr<WatchedTask> task);
  void Remove(const std::shared_ptr<WatchedTask>& task);
  void Cancel(const std::shared_ptr<WatchedTask>& task, const Error& reason);

 private:
  void Loop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_set<std::shared_ptr<WatchedTask>> tasks_;                     // guarded by mutex_
  Deadline::Clock::time_point wakes_at_ = Deadline::Clock::time_point::max();  // guarded by mutex_
  bool stopping_ = false;                                                      // guarded by mutex_
  std::thread thread_;
};

}  // namespace tarn::engine
