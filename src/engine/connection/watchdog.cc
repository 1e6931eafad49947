#include "engine/connection/watchdog.h"

#include <pthread.h>

#include <algorithm>

namespace tarn::engine {
namespace {

constexpr auto kInterruptEvery = std::chrono::milliseconds(10);
constexpr auto kIdle = std::chrono::hours(1);

Error TimedOutError() { return {ErrorKind::kTimeout, "timed out"}; }

}  // namespace

bool WatchedTask::Begin(duck::Connection& connection) {
  const MutexLock lock(mutex_);
  // A short statement could end before the watchdog cancels it.
  if (!reason_ && deadline_.Passed()) reason_ = TimedOutError();
  if (reason_) return false;
  connection_ = &connection;
  return true;
}

void WatchedTask::End() {
  const MutexLock lock(mutex_);
  connection_ = nullptr;
}

void WatchedTask::Cancel(const Error& reason) {
  const MutexLock lock(mutex_);
  if (reason_) return;
  reason_ = reason;
  if (connection_ != nullptr) connection_->Interrupt();
}

std::optional<double> WatchedTask::Progress() const {
  const MutexLock lock(mutex_);
  return connection_ == nullptr ? std::nullopt : connection_->Progress();
}

std::optional<Error> WatchedTask::CancelReason() const {
  const MutexLock lock(mutex_);
  return reason_;
}

bool WatchedTask::InterruptAgain() {
  const MutexLock lock(mutex_);
  if (!reason_ || connection_ == nullptr) return false;
  connection_->Interrupt();
  return true;
}

Watchdog::Watchdog() : thread_([this] { Loop(); }) {}

Watchdog::~Watchdog() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Watchdog::Add(std::shared_ptr<WatchedTask> task) {
  const MutexLock lock(mutex_);
  if (task->deadline().At() < wakes_at_) changed_.notify_all();
  tasks_.insert(std::move(task));
}

void Watchdog::Remove(const std::shared_ptr<WatchedTask>& task) {
  const MutexLock lock(mutex_);
  tasks_.erase(task);
}

void Watchdog::Cancel(const std::shared_ptr<WatchedTask>& task, const Error& reason) {
  task->Cancel(reason);
  const MutexLock lock(mutex_);
  changed_.notify_all();
}

void Watchdog::Loop() {
  // Each thread of the engine sets its own name. To name another thread, it would have to write a
  // file in /proc, which the sandbox refuses.
  pthread_setname_np(pthread_self(), "watchdog");
  MutexLock lock(mutex_);
  while (!stopping_) {
    const auto now = Deadline::Clock::now();
    auto next = now + kIdle;
    for (const auto& task : tasks_) {
      if (task->deadline().At() <= now) task->Cancel(TimedOutError());
      if (task->InterruptAgain()) {
        next = std::min(next, now + Deadline::Clock::duration(kInterruptEvery));
      } else if (task->deadline().At() > now) {
        next = std::min(next, task->deadline().At());
      }
    }
    wakes_at_ = next;
    changed_.wait_until(lock, next);
  }
}

}  // namespace tarn::engine
