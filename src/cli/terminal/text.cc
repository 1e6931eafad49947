#include "cli/terminal/text.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cwchar>
#include <utility>

#include "base/text.h"

namespace tarn::cli {
namespace {

// Returns the code point at `at`, and moves `at` past it. A byte that is not valid UTF-8 is its own
// code point.
char32_t TakeCodePoint(std::string_view text, size_t& at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  char32_t code = length == 1 ? first : first & (0x7FU >> length);
  const size_t end = std::min(at + length, text.size());
  for (++at; at < end; ++at) {
    const auto next = static_cast<unsigned char>(text[at]);
    if ((next & 0xC0U) != 0x80) break;
    code = code << 6U | (next & 0x3FU);
  }
  return code;
}

// Uses glibc's Unicode tables, independent of the program's locale.
size_t WidthOf(char32_t code) {
  static const locale_t kUnicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (code < 0x80 || kUnicode == nullptr) return 1;
  const locale_t former = uselocale(kUnicode);
  const int width = wcwidth(static_cast<wchar_t>(code));
  uselocale(former);
  return width < 0 ? 1 : static_cast<size_t>(width);
}

}  // namespace

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

std::string FormatCount(uint64_t count) {
  std::string text = std::to_string(count);
  for (size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string FormatSeconds(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f} ms", 1000 * seconds);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<uint64_t>(seconds);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string Plural(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", FormatCount(count), noun, count == 1 ? "" : "s");
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

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) width += WidthOf(TakeCodePoint(text, at));
  return width;
}

std::string FitWidth(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return "";
  size_t used = 0;
  size_t at = 0;
  while (at < text.size()) {
    size_t next = at;
    const size_t more = WidthOf(TakeCodePoint(text, next));
    if (used + more > width - 1) break;
    used += more;
    at = next;
  }
  return std::string(text.substr(0, at)) + "…";
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
