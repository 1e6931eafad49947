#pragma once

#include <condition_variable>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_set>

#include "base/deadline.h"
#include "base/mutex.h"
#include "base/result.h"
#include "duck/database.h"

namespace tarn::engine {

// Work on a connection that can be cancelled and has a deadline.
//
// Thread-safe. The connection is only interrupted between Begin and End, so a late cancel does not
// interrupt the next statement.
class WatchedTask {
 public:
  explicit WatchedTask(Deadline deadline) : deadline_(deadline) {}

  // Returns false if the task is already cancelled or its deadline has passed.
  bool Begin(duck::Connection& connection);
  void End();

  void Cancel(const Error& reason);
  // Returns nullopt if the task is not cancelled.
  std::optional<Error> CancelReason() const;

  // Returns the progress of the statement in percent, or nullopt if it is unknown.
  std::optional<double> Progress() const;

  Deadline deadline() const { return deadline_; }

 private:
  friend class Watchdog;
  // Interrupts the statement again if the task is cancelled and the statement still runs. Returns
  // true if it did.
  bool InterruptAgain();

  const Deadline deadline_;
  mutable Mutex mutex_;
  duck::Connection* connection_ TARN_GUARDED_BY(mutex_) = nullptr;  // Set while a statement runs.
  std::optional<Error> reason_ TARN_GUARDED_BY(mutex_);
};

// Cancels tasks at their deadline. Interrupts cancelled tasks until they end, because DuckDB loses
// an interrupt that arrives just before a statement starts.
class Watchdog {
 public:
  Watchdog();
  ~Watchdog();

  void Add(std::shared_ptr<WatchedTask> task);
  void Remove(const std::shared_ptr<WatchedTask>& task);
  void Cancel(const std::shared_ptr<WatchedTask>& task, const Error& reason);

 private:
  void Loop();

  Mutex mutex_;
  std::condition_variable_any changed_;
  std::unordered_set<std::shared_ptr<WatchedTask>> tasks_ TARN_GUARDED_BY(mutex_);
  Deadline::Clock::time_point wakes_at_ TARN_GUARDED_BY(mutex_) =
      Deadline::Clock::time_point::max();
  bool stopping_ TARN_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tarn::engine
