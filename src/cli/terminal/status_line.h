#pragma once

#include <chrono>
#include <string>

namespace tarn::cli {

// A line on stderr that is redrawn in place. Draws nothing unless stderr is a terminal.
class StatusLine {
 public:
  StatusLine();
  ~StatusLine() { Clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  // True if the line was not drawn for a while. The caller then calls Show.
  bool IsDue();
  void Show(const std::string& line);
  void Clear();
  // The number of columns that a line may have.
  static size_t Width();

 private:
  using Clock = std::chrono::steady_clock;
  const bool is_terminal_;
  bool is_drawn_ = false;
  Clock::time_point drawn_;
};

}  // namespace tarn::cli
