#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tarn::cli {

// A line on stderr with progress, rate and remaining time. Prints nothing if stderr is not a
// terminal. Not thread-safe.
class Progress {
 public:
  // `total` is in bytes, or 0 if only the share is known.
  Progress(std::string what, uint64_t total);
  // Clears the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Add(uint64_t bytes);
  void SetShare(double share);  // 0 to 1.
  void SetUnknown();            // Shows only the time.

 private:
  using Clock = std::chrono::steady_clock;
  void Draw(double share);
  bool IsDue();
  void Show(const std::string& line);
  double Seconds() const;

  const std::string what_;
  const uint64_t total_;
  const bool is_shown_;
  const Clock::time_point started_ = Clock::now();
  Clock::time_point drawn_;
  uint64_t done_ = 0;
};

// Returns "sending [####------] 41 %  12.3 MB of 30.0 MB, 8.2 MB/s, 0:03 left", cut to the width.
std::string ProgressLine(const std::string& what, double share, uint64_t done, uint64_t total,
                         double seconds, size_t width);

}  // namespace tarn::cli
