#include "cli/terminal/text.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace tarn::cli {

std::string FormatBytes(uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"KB", "MB", "GB", "TB", "PB"};
  auto count = static_cast<double>(bytes) / 1e3;
  size_t unit = 0;
  while (count >= 999.95 && unit + 1 < kUnits.size()) {
    count /= 1e3;
    ++unit;
  }
  return fmt::format("{:.1f} {}", count, kUnits[unit]);
}

std::string FormatSeconds(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f} ms", 1000 * seconds);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<uint64_t>(seconds);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string ShellQuoted(const std::string& text) {
  const bool is_plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./").find(c) != std::string_view::npos;
  });
  if (is_plain) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string WithoutControls(std::string_view text) { return EscapeUnprintable(text); }

std::string CellWithoutControls(std::string_view text) {
  return EscapeUnprintable(text, "\u200B\u200E\u200F\u061C");
}

std::string LinesWithoutControls(std::string_view text) { return EscapeUnprintable(text, "\n"); }

std::string TerminalFilter::Filter(std::string_view bytes) {
  rest_ += bytes;
  // A UTF-8 character has at most four bytes, so an incomplete one has at most three.
  size_t whole = rest_.size();
  for (size_t back = 1; back <= std::min<size_t>(3, rest_.size()); ++back) {
    const auto byte = static_cast<unsigned char>(rest_[rest_.size() - back]);
    if ((byte & 0xC0U) == 0x80) continue;  // Not the first byte of a character.
    const size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    if (length > back) whole -= back;
    break;
  }
  std::string out = EscapeUnprintable(std::string_view(rest_).substr(0, whole), "\n\r\t");
  rest_.erase(0, whole);
  return out;
}

std::string TerminalFilter::Flush() {
  return EscapeUnprintable(std::exchange(rest_, std::string()), "\n\r\t");
}

size_t TerminalWidth() {
  winsize size = {};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

}  // namespace tarn::cli
