#include "base/display_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <clocale>
#include <cwchar>

namespace tarn {
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

std::string FormatCount(uint64_t count) {
  std::string text = std::to_string(count);
  for (size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string Plural(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", FormatCount(count), noun, count == 1 ? "" : "s");
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

}  // namespace tarn
