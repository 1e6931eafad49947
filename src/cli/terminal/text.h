#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tarn::cli {

// "1.2 KB", "4.1 MB", "23.0 GB": powers of 1000, as in the settings.
std::string FormatBytes(uint64_t bytes);

// "1,234,567"
std::string FormatCount(uint64_t count);

// "12 ms", "3.4 s", "2:05"
std::string FormatSeconds(double seconds);

// "1 file", "2 files"
std::string Plural(uint64_t count, std::string_view noun);

// As one word of a shell, in quotes where it needs them.
std::string ShellQuoted(const std::string& text);

// Columns that a terminal takes for UTF-8 text: 2 for wide characters, 0 for combining ones.
size_t DisplayWidth(std::string_view text);

// As much of the beginning as has this width, with "…" in place of what is cut off.
std::string FitWidth(std::string_view text, size_t width);

// Text from outside, for a terminal: unprintable characters (IsUnprintable) are shown as escapes.
std::string WithoutControls(std::string_view text);
// The same of a value in a table. The marks that languages need between words and for directions
// stay: U+200B, U+200E, U+200F, U+061C.
std::string CellWithoutControls(std::string_view text);
// The same of a message: its lines stay lines.
std::string LinesWithoutControls(std::string_view text);

// The same of a stream that comes in pieces, in a format of its own: line ends and tabs stay as
// they are. A piece may end within a character. Not thread-safe.
class TerminalFilter {
 public:
  // The complete characters received so far.
  std::string Filter(std::string_view bytes);
  // The rest, at the end of the stream.
  std::string Flush();

 private:
  std::string rest_;  // The first bytes of an incomplete character.
};

// Of the terminal that is stdout; 0 where it is none.
size_t TerminalWidth();

}  // namespace tarn::cli
