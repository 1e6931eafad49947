#pragma once

// Small text functions that both the wire formats and the settings need.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tarn {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

// The bytes of the character at the front of the text; 0 where there is none that is well-formed
// UTF-8 (RFC 3629: no surrogates, nothing overlong, at most U+10FFFF).
size_t Utf8SequenceLength(std::string_view text);

bool IsValidUtf8(std::string_view text);

// Each byte that does not belong to a character becomes U+FFFD.
std::string ToValidUtf8(std::string_view text);

// The text where it has at most `bytes_max` bytes; else its beginning and "…", in at most
// `bytes_max` bytes and without a part of a UTF-8 character at the end. Text that may hold secrets
// is to be redacted before: a truncated secret is no longer recognised. `bytes_max` must be at
// least 3.
std::string Shortened(std::string_view text, size_t bytes_max);

// True when the text holds a C0 or C1 control character or DEL. The text must be UTF-8.
bool HasControlCharacter(std::string_view text);

// The code point of one well-formed UTF-8 sequence (Utf8SequenceLength).
char32_t Utf8CodePoint(std::string_view sequence);

// True for a character that has no visible form of its own: a terminal interprets it, it ends a
// line, it changes the order of the text around it, or it is invisible. These are the C0 and C1
// controls, DEL, the line and paragraph separators, the bidirectional controls (UAX #9, section 2),
// and the invisible format characters and fillers but for the two joiners (U+200C, U+200D), which
// scripts and emoji need.
bool IsUnprintable(char32_t code);

// True when the text holds such a character, or a byte that is not UTF-8.
bool HasUnprintable(std::string_view text);

// `text` with an escape in place of each such character or byte: \n, \t, \x1b, \u202e, \U000e0041.
// The characters in `keep` (UTF-8) stay as they are.
std::string EscapeUnprintable(std::string_view text, std::string_view keep = "");

// JSON text with the same value, in which the unprintable characters of its strings are \uHHHH.
// Line breaks and tabs between values stay. The text must be UTF-8.
std::string EscapeUnprintableJson(std::string_view json);

// `text` without ASCII white space at both ends.
std::string_view Trim(std::string_view text);

// Percent-encoding (RFC 3986): everything but unreserved characters is encoded.
std::string PercentEncode(std::string_view text);
// None when a '%' is not followed by two hexadecimal digits.
std::optional<std::string> PercentDecode(std::string_view text);

// True for a path with a segment "." or "..": as a part of a URL it means another path.
bool HasDotSegment(std::string_view path);

// The order of names without regard to ASCII case, and of those that differ in case only by their
// bytes: these are next to each other.
struct LessIgnoringCase {
  bool operator()(std::string_view a, std::string_view b) const;
};

bool EqualsIgnoreCase(std::string_view a, std::string_view b);  // ASCII only
std::string ToLowerAscii(std::string_view text);

std::string ReplaceAll(std::string text, std::string_view from, std::string_view to);

// The candidate with the smallest edit distance, if it is near enough to be a slip of the pen.
std::optional<std::string> NearestName(std::string_view name,
                                       std::span<const std::string> candidates);

// 16 lower-case hexadecimal characters from the system's random source: query ids.
std::string RandomId();

}  // namespace tarn
