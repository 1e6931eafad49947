#include "base/line_writer.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>

namespace tarn {

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
  if (has_thread_ || is_thread_impossible_) return has_thread_;
  try {
    std::thread thread([this] { RunDelayedWrites(); });
    pthread_setname_np(thread.native_handle(), "log");
    thread.detach();
    has_thread_ = true;
  } catch (const std::system_error&) {
    is_thread_impossible_ = true;
  }
  return has_thread_;
}

void LineWriter::RunDelayedWrites() {
  MutexLock lock(mutex_);
  for (;;) {
    delayed_.wait(lock, [this]() TARN_REQUIRES(mutex_) { return !pending_.empty(); });
    delayed_.wait_until(lock, last_write_ + kInterval);
    // Another thread may have written meanwhile. The lines after that wait for their own time.
    if (Clock::now() - last_write_ >= kInterval) WritePending();
  }
}

}  // namespace tarn
