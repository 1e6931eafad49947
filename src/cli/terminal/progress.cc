#include "cli/terminal/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "cli/terminal/text.h"

namespace tarn::cli {
namespace {

constexpr auto kDrawEvery = std::chrono::milliseconds(100);
constexpr size_t kBarWidth = 20;
// Rates over a shorter time are not shown, because they vary too much.
constexpr double kSecondsForRate = 0.5;

size_t WidthOfStderr() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string FormatTime(double seconds) {
  const auto whole = static_cast<uint64_t>(std::ceil(seconds));
  if (whole >= 3600) {
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

std::string ProgressLine(const std::string& what, double share, uint64_t done, uint64_t total,
                         double seconds, size_t width) {
  share = std::clamp(share, 0.0, 1.0);
  const auto filled = static_cast<size_t>(share * kBarWidth);
  std::string line = fmt::format("{} [{}{}] {:.0f} %", what, std::string(filled, '#'),
                                 std::string(kBarWidth - filled, '-'), 100 * share);
  if (total > 0) line += fmt::format("  {} of {}", FormatBytes(done), FormatBytes(total));
  if (seconds >= kSecondsForRate) {
    if (total > 0) {
      const double rate = static_cast<double>(done) / seconds;
      line += fmt::format(", {}/s", FormatBytes(static_cast<uint64_t>(rate)));
    }
    if (share > 0 && share < 1) {
      line += fmt::format(", {} left", FormatTime(seconds * (1 - share) / share));
    }
  }
  return FitWidth(line, width);
}

Progress::Progress(std::string what, uint64_t total)
    : what_(std::move(what)), total_(total), is_shown_(isatty(STDERR_FILENO) != 0) {
  Draw(0);
}

Progress::~Progress() {
  if (is_shown_) std::fputs("\r\x1b[K", stderr);
}

void Progress::Add(uint64_t bytes) {
  done_ += bytes;
  Draw(total_ == 0 ? 0 : static_cast<double>(done_) / static_cast<double>(total_));
}

void Progress::SetShare(double share) {
  done_ = static_cast<uint64_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(total_));
  Draw(share);
}

void Progress::SetUnknown() {
  if (IsDue()) Show(what_ + ", " + FormatTime(std::floor(Seconds())));
}

double Progress::Seconds() const {
  return std::chrono::duration<double>(Clock::now() - started_).count();
}

bool Progress::IsDue() {
  const auto now = Clock::now();
  if (!is_shown_ || now - drawn_ < kDrawEvery) return false;
  drawn_ = now;
  return true;
}

void Progress::Draw(double share) {
  if (!IsDue()) return;
  Show(ProgressLine(what_, share, done_, total_, Seconds(), WidthOfStderr() - 1));
}

void Progress::Show(const std::string& line) { std::fprintf(stderr, "\r%s\x1b[K", line.c_str()); }

}  // namespace tarn::cli
