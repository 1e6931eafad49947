#pragma once

// Lines for a file descriptor, several in one write(2) when they come fast. Each write wakes the
// reader of a pipe or of the journal, which costs a multiple of the line itself.

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>

#include "base/deadline.h"

namespace tarn {

// Thread-safe. Must live until the process exits, because its thread does.
class LineWriter {
 public:
  // The time between two writes of a burst, which is also the longest delay of a line.
  static constexpr std::chrono::milliseconds kInterval{10};
  // The limit in bytes for delayed lines. The line that exceeds it is written with them at once.
  static constexpr size_t kPendingBytesMax = size_t{64} << 10U;

  explicit LineWriter(int fd) : fd_(fd) {}
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

  void WritePending();      // Requires mutex_.
  bool HasThread();         // Requires mutex_. Starts the thread if possible.
  void RunDelayedWrites();  // The thread.

  const int fd_;
  std::mutex mutex_;
  std::condition_variable delayed_;
  std::string pending_;                // guarded by mutex_
  Clock::time_point last_write_;       // guarded by mutex_
  bool has_thread_ = false;            // guarded by mutex_
  bool is_thread_impossible_ = false;  // guarded by mutex_
};

}  // namespace tarn
