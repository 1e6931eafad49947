#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/display_text.h"

namespace tarn::cli {

// "1.2 KB", "4.1 MB", "23.0 GB": powers of 1000, as in the settings.
std::string FormatBytes(uint64_t bytes);

// "12 ms", "3.4 s", "2:05"
std::string FormatSeconds(double seconds);

// Returns the text as one word of a shell command, quoted if necessary.
std::string ShellQuoted(const std::string& text);

// Makes foreign text safe for a terminal: shows unprintable characters (IsUnprintable) as escapes.
std::string WithoutControls(std::string_view text);
// The same for a value in a table. Keeps the marks for word breaks and text direction that some
// languages need: U+200B, U+200E, U+200F, U+061C.
std::string CellWithoutControls(std::string_view text);
// The same for a message. Keeps line breaks.
std::string LinesWithoutControls(std::string_view text);

// The same for the pieces of a stream. Keeps line breaks and tabs. A piece may end within a
// character. Not thread-safe.
class TerminalFilter {
 public:
  // Returns the complete characters received so far.
  std::string Filter(std::string_view bytes);
  // Returns the rest, at the end of the stream.
  std::string Flush();

 private:
  std::string rest_;  // The first bytes of an incomplete character.
};

// Returns the width of the terminal on stdout, or 0 if stdout is not a terminal.
size_t TerminalWidth();

}  // namespace tarn::cli
