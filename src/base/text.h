#pragma once

// Text functions shared by wire formats and settings.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tarn {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

// The length of the first character in bytes; 0 if it is not well-formed UTF-8 (RFC 3629: no
// surrogates, no overlong forms, at most U+10FFFF).
size_t Utf8SequenceLength(std::string_view text);

bool IsValidUtf8(std::string_view text);

// Replaces each byte that is not part of a character by U+FFFD.
std::string ToValidUtf8(std::string_view text);

// Returns the text if it has at most `bytes_max` bytes; else its beginning and "…", in at most
// `bytes_max` bytes and without a split UTF-8 character. Redact text with secrets first: a
// truncated secret is not recognised. `bytes_max` must be at least 3.
std::string Shortened(std::string_view text, size_t bytes_max);

// True if the text, which must be UTF-8, contains a C0 or C1 control character or DEL.
bool HasControlCharacter(std::string_view text);

// The code point of one well-formed UTF-8 sequence (Utf8SequenceLength).
char32_t Utf8CodePoint(std::string_view sequence);

// True for a character without a visible form: a terminal interprets it, it ends a line, it changes
// the order of the text around it, or it is invisible. These are the C0 and C1 controls, DEL, the
// line and paragraph separators, the bidirectional controls (UAX #9, section 2), and the invisible
// format characters and fillers except the two joiners (U+200C, U+200D), which scripts and emoji
// need.
bool IsUnprintable(char32_t code);

// A set of characters to escape, such as IsUnprintable.
using CharacterTest = bool (*)(char32_t code);

// True if the text contains such a character, or a byte that is not UTF-8.
bool HasUnprintable(std::string_view text, CharacterTest is_unprintable = IsUnprintable);

// Escapes each such character or byte: \n, \t, \x1b, \u202e, \U000e0041. The characters in `keep`
// (UTF-8) are not escaped.
std::string EscapeUnprintable(std::string_view text, std::string_view keep = "",
                              CharacterTest is_unprintable = IsUnprintable);

// Escapes the unprintable characters in the strings of JSON text as \uHHHH, without changing its
// value. Line breaks and tabs between values are kept. The text must be UTF-8.
std::string EscapeUnprintableJson(std::string_view json,
                                  CharacterTest is_unprintable = IsUnprintable);

// Removes ASCII white space at both ends.
std::string_view Trim(std::string_view text);

// Percent-encodes everything except unreserved characters (RFC 3986).
std::string PercentEncode(std::string_view text);
// Returns nullopt if a '%' is not followed by two hexadecimal digits.
std::optional<std::string> PercentDecode(std::string_view text);

// True for a path with a segment "." or "..", which a URL parser would resolve to another path.
bool HasDotSegment(std::string_view path);

// Orders names without regard to ASCII case. Names that differ only in case are next to each other,
// in the order of their bytes.
struct LessIgnoringCase {
  bool operator()(std::string_view a, std::string_view b) const;
};

bool EqualsIgnoreCase(std::string_view a, std::string_view b);  // ASCII only
std::string ToLowerAscii(std::string_view text);

std::string ReplaceAll(std::string text, std::string_view from, std::string_view to);

// The candidate with the smallest edit distance, if the distance is that of a typing error.
std::optional<std::string> NearestName(std::string_view name,
                                       std::span<const std::string> candidates);

// 16 random lower-case hexadecimal characters; for query ids.
std::string RandomId();

}  // namespace tarn
