#include "base/text.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

namespace tarn {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row.back();
}

}  // namespace

size_t Utf8SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  size_t length = 0;
  // The range of the second byte excludes overlong forms, surrogates and values above U+10FFFF.
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (text.size() < length || byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string ToValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) {
      out += kReplacementCharacter;
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

std::string Shortened(std::string_view text, size_t bytes_max) {
  constexpr std::string_view kEllipsis = "\xE2\x80\xA6";  // U+2026
  if (text.size() <= bytes_max) return std::string(text);
  size_t end = bytes_max - kEllipsis.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)).append(kEllipsis);
}

bool HasControlCharacter(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7F) return true;
    // U+0080 to U+009F are C2 80 to C2 9F in UTF-8.
    if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      return true;
    }
  }
  return false;
}

char32_t Utf8CodePoint(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first;
  // The number of leading ones in the first byte is the length of the sequence.
  char32_t code = first & (0x7FU >> sequence.size());
  for (const char c : sequence.substr(1))
    code = code << 6U | (static_cast<unsigned char>(c) & 0x3FU);
  return code;
}

bool IsUnprintable(char32_t code) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  static constexpr std::array kRanges = std::to_array<Range>({
      {0x00, 0x1F},        // C0 controls.
      {0x7F, 0x9F},        // DEL and the C1 controls.
      {0xAD, 0xAD},        // Soft hyphen.
      {0x034F, 0x034F},    // Combining grapheme joiner.
      {0x061C, 0x061C},    // Arabic letter mark.
      {0x115F, 0x1160},    // Hangul fillers.
      {0x180E, 0x180E},    // Mongolian vowel separator.
      {0x200B, 0x200B},    // Zero width space.
      {0x200E, 0x200F},    // Left-to-right and right-to-left mark.
      {0x2028, 0x202E},    // Line and paragraph separator, embeddings and overrides.
      {0x2060, 0x206F},    // Invisible operators, isolates.
      {0x3164, 0x3164},    // Hangul filler.
      {0xFEFF, 0xFEFF},    // Byte order mark.
      {0xFFA0, 0xFFA0},    // Halfwidth Hangul filler.
      {0xFFF9, 0xFFFB},    // Interlinear annotations.
      {0xE0000, 0xE007F},  // Tags.
  });
  return std::any_of(kRanges.begin(), kRanges.end(), [code](const Range& range) {
    return code >= range.first && code <= range.last;
  });
}

namespace {

// The number of leading bytes that are printable ASCII, which most texts are made of.
size_t PrintableAsciiBytes(std::string_view text) {
  size_t bytes = 0;
  while (bytes < text.size() && text[bytes] >= 0x20 && text[bytes] < 0x7F) ++bytes;
  return bytes;
}

}  // namespace

bool HasUnprintable(std::string_view text, CharacterTest is_unprintable) {
  for (;;) {
    text.remove_prefix(PrintableAsciiBytes(text));
    if (text.empty()) return false;
    const size_t length = Utf8SequenceLength(text);
    if (length == 0 || is_unprintable(Utf8CodePoint(text.substr(0, length)))) return true;
    text.remove_prefix(length);
  }
}

std::string EscapeUnprintable(std::string_view text, std::string_view keep,
                              CharacterTest is_unprintable) {
  std::string out;
  out.reserve(text.size());
  for (;;) {
    const size_t plain = PrintableAsciiBytes(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return out;
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    const std::string_view sequence = text.substr(0, length);
    const auto code = static_cast<uint32_t>(Utf8CodePoint(sequence));
    if (!is_unprintable(code) || keep.find(sequence) != std::string_view::npos) {
      out += sequence;
    } else if (code == '\n') {
      out += "\\n";
    } else if (code == '\t') {
      out += "\\t";
    } else if (code <= 0xFF) {
      out += fmt::format("\\x{:02x}", code);
    } else if (code <= 0xFFFF) {
      out += fmt::format("\\u{:04x}", code);
    } else {
      out += fmt::format("\\U{:08x}", code);
    }
    text.remove_prefix(length);
  }
}

std::string EscapeUnprintableJson(std::string_view json, CharacterTest is_unprintable) {
  std::string out;
  out.reserve(json.size());
  for (;;) {
    const size_t plain = PrintableAsciiBytes(json);
    out += json.substr(0, plain);
    json.remove_prefix(plain);
    if (json.empty()) return out;
    const size_t length = std::max<size_t>(Utf8SequenceLength(json), 1);
    const std::string_view sequence = json.substr(0, length);
    const auto code = static_cast<uint32_t>(Utf8CodePoint(sequence));
    // Controls below U+0020 are white space between values; in strings they are already escaped.
    if (code < 0x20 || !is_unprintable(code)) {
      out += sequence;
    } else if (code <= 0xFFFF) {
      out += fmt::format("\\u{:04x}", code);
    } else {
      // A surrogate pair (RFC 8259, section 7).
      const uint32_t rest = code - 0x10000;
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10U), 0xDC00 + (rest & 0x3FFU));
    }
    json.remove_prefix(length);
  }
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

std::string PercentEncode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = HexValue(text[i + 1]);
    const int low = HexValue(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool HasDotSegment(std::string_view path) {
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    if (segment == ".." || segment == ".") return true;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return LowerAscii(x) == LowerAscii(y); });
}

bool LessIgnoringCase::operator()(std::string_view a, std::string_view b) const {
  const size_t common = std::min(a.size(), b.size());
  for (size_t i = 0; i < common; ++i) {
    const char x = LowerAscii(a[i]);
    const char y = LowerAscii(b[i]);
    if (x != y) return static_cast<unsigned char>(x) < static_cast<unsigned char>(y);
  }
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::string ToLowerAscii(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), LowerAscii);
  return out;
}

std::string ReplaceAll(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::optional<std::string> NearestName(std::string_view name,
                                       std::span<const std::string> candidates) {
  const std::string* nearest = nullptr;
  size_t best = 0;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(name, candidate);
    if (nearest == nullptr || distance < best) {
      nearest = &candidate;
      best = distance;
    }
  }
  if (nearest == nullptr || best > std::max<size_t>(2, name.size() / 3)) return std::nullopt;
  return *nearest;
}

std::string RandomId() {
  // Reads the largest block that getrandom returns without interruption, because every request
  // needs an id.
  thread_local std::array<uint64_t, 32> values;
  thread_local size_t left = 0;
  if (left == 0) {
    if (getrandom(values.data(), sizeof values, 0) != static_cast<ssize_t>(sizeof values)) {
      std::random_device fallback;
      for (uint64_t& value : values) value = (uint64_t{fallback()} << 32) | fallback();
    }
    left = values.size();
  }
  return fmt::format("{:016x}", values[--left]);
}

}  // namespace tarn
