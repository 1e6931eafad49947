#include "cli/terminal/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/terminal/text.h"

namespace tarn::cli {
namespace {

constexpr size_t kBarWidth = 20;
// A rate of less than this time is a guess.
constexpr double kSecondsForRate = 0.5;

std::string FormatTime(double seconds) {
  const auto whole = static_cast<uint64_t>(std::ceil(seconds));
  if (whole >= 3600) {
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

std::string ProgressLine(const ProgressState& state, size_t width) {
  const double share = std::clamp(state.share, 0.0, 1.0);
  const auto filled = static_cast<size_t>(share * kBarWidth);
  std::string line = fmt::format("{} [{}{}] {:.0f} %", state.what, std::string(filled, '#'),
                                 std::string(kBarWidth - filled, '-'), std::floor(100 * share));
  if (state.total > 0) {
    line += fmt::format("  {} of {}", FormatBytes(state.done), FormatBytes(state.total));
    if (state.phase_seconds >= kSecondsForRate) {
      const double rate = static_cast<double>(state.done) / state.phase_seconds;
      line += fmt::format(", {}/s", FormatBytes(static_cast<uint64_t>(rate)));
    }
  }
  if (state.seconds >= kSecondsForRate && share > 0 && share < 1) {
    line += fmt::format(", {} left", FormatTime(state.seconds * (1 - share) / share));
  }
  return FitWidth(line, width);
}

void Progress::SetShare(double share) {
  if (!line_.IsDue()) return;
  line_.Show(
      ProgressLine({.what = what_, .share = share, .seconds = Seconds()}, StatusLine::Width()));
}

void Progress::SetUnknown() {
  if (line_.IsDue()) line_.Show(what_ + ", " + FormatTime(std::floor(Seconds())));
}

double Progress::Seconds() const {
  return std::chrono::duration<double>(Clock::now() - started_).count();
}

}  // namespace tarn::cli
