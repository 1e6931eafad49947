#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/terminal/status_line.h"

namespace tarn::cli {

// A progress bar on stderr for one operation, by its share alone. Not thread-safe.
class Progress {
 public:
  explicit Progress(std::string what) : what_(std::move(what)) {}

  void SetShare(double share);  // 0 to 1.
  void SetUnknown();            // Shows only the elapsed time.

 private:
  using Clock = std::chrono::steady_clock;
  double Seconds() const;

  const std::string what_;
  const Clock::time_point started_ = Clock::now();
  StatusLine line_;
};

struct ProgressState {
  std::string what;
  double share = 0;    // The share of all phases, 0 to 1.
  uint64_t done = 0;   // Bytes of this phase.
  uint64_t total = 0;  // Bytes of this phase; 0: unknown.
  double phase_seconds = 0;
  double seconds = 0;  // The time of all phases.
};

// "sending [####------] 41 %  12.3 MB of 30.0 MB, 8.2 MB/s, 0:03 left", cut to the width.
std::string ProgressLine(const ProgressState& state, size_t width);

}  // namespace tarn::cli
