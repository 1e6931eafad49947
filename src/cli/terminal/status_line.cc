#include "cli/terminal/status_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace tarn::cli {
namespace {

constexpr auto kDrawEvery = std::chrono::milliseconds(100);

}  // namespace

StatusLine::StatusLine() : is_terminal_(isatty(STDERR_FILENO) != 0) {}

bool StatusLine::IsDue() {
  const auto now = Clock::now();
  if (!is_terminal_ || now - drawn_ < kDrawEvery) return false;
  drawn_ = now;
  return true;
}

void StatusLine::Show(const std::string& line) {
  std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
  is_drawn_ = true;
}

void StatusLine::Clear() {
  if (is_drawn_) std::fputs("\r\x1b[K", stderr);
  is_drawn_ = false;
}

size_t StatusLine::Width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 79;
  return size.ws_col - 1;
}

}  // namespace tarn::cli
