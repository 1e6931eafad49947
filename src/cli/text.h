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

// Text of others: a terminal would obey control characters (C0, DEL and C1), so they are shown.
std::string WithoutControls(std::string_view text);
// The same of a message: its lines stay lines.
std::string LinesWithoutControls(std::string_view text);

// Of a stream in a format of its own, for a terminal: line ends and tabs stay as they are.
std::string WithoutEscapes(std::string_view text);

// Of the terminal that is stdout; 0 where it is none.
size_t TerminalWidth();

}  // namespace tarn::cli
