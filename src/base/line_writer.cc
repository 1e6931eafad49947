#include "base/line_writer.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace tarn {

LineWriter::~LineWriter() {
  std::thread thread;
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
    thread = std::move(thread_);
  }
  delayed_.notify_one();
  if (thread.joinable()) thread.join();
  Flush();
}

void LineWriter::Write(std::string_view line, bool is_urgent) {
  const MutexLock lock(mutex_);
  const bool was_empty = pending_.empty();
  pending_.append(line).push_back('\n');
  if (is_urgent || pending_.size() > kPendingBytesMax || Clock::now() - last_write_ >= kInterval ||
      !HasThread()) {
    WritePending();
  } else if (was_empty) {
    delayed_.notify_one();
  }
}

void LineWriter::Flush() {
  const MutexLock lock(mutex_);
  WritePending();
}

void LineWriter::WritePending() {
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const ssize_t written = write(fd_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      break;
    }
  }
  pending_.clear();
  last_write_ = Clock::now();
}

bool LineWriter::HasThread() {
  if (thread_.joinable() || is_thread_impossible_) return thread_.joinable();
  try {
    thread_ = std::thread([this] { RunDelayedWrites(); });
    pthread_setname_np(thread_.native_handle(), "log");
  } catch (const std::system_error&) {
    is_thread_impossible_ = true;
  }
  return thread_.joinable();
}

void LineWriter::RunDelayedWrites() {
  MutexLock lock(mutex_);
  while (!is_stopping_) {
    if (pending_.empty()) {
      delayed_.wait(lock);
      continue;
    }
    // Another thread may write meanwhile. The lines after that wait for their own time.
    const Clock::time_point due = last_write_ + kInterval;
    if (Clock::now() < due) {
      delayed_.wait_until(lock, due);
    } else {
      WritePending();
    }
  }
}

}  // namespace tarn
