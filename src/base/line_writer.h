#pragma once

// Lines for a file descriptor, several in one write(2) when they come fast. Each write wakes the
// reader of a pipe or of the journal, which costs a multiple of the line itself.

#include <condition_variable>
#include <string>
#include <string_view>
#include <thread>

#include "base/deadline.h"
#include "base/mutex.h"

namespace tarn {

// Thread-safe. The destructor writes the delayed lines.
class LineWriter {
 public:
  // The time between two writes of a burst, which is also the longest delay of a line.
  static constexpr std::chrono::milliseconds kInterval{10};
  // The limit in bytes for delayed lines. The line that exceeds it is written with them at once.
  static constexpr size_t kPendingBytesMax = size_t{64} << 10U;

  explicit LineWriter(int fd) : fd_(fd) {}
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // Writes the line, which has no line break at its end. Delays it if the last write was less than
  // kInterval ago and the line is not urgent. Lines stay in the order of the calls. Blocks while
  // the reader is behind. Lines that cannot be written are lost.
  void Write(std::string_view line, bool is_urgent);

  // Writes the delayed lines. For a process that is about to exit.
  void Flush();

 private:
  using Clock = std::chrono::steady_clock;

  void WritePending() TARN_REQUIRES(mutex_);
  bool HasThread() TARN_REQUIRES(mutex_);  // Starts the thread if possible.
  void RunDelayedWrites();                 // The thread.

  const int fd_;
  Mutex mutex_;
  std::condition_variable_any delayed_;
  std::string pending_ TARN_GUARDED_BY(mutex_);
  Clock::time_point last_write_ TARN_GUARDED_BY(mutex_);
  bool is_stopping_ TARN_GUARDED_BY(mutex_) = false;
  bool is_thread_impossible_ TARN_GUARDED_BY(mutex_) = false;
  std::thread thread_ TARN_GUARDED_BY(mutex_);  // Started by the first delayed line.
};

}  // namespace tarn
