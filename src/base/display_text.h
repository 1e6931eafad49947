#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tarn {

// "1,234,567"
std::string FormatCount(uint64_t count);

// "1 file", "2 files"
std::string Plural(uint64_t count, std::string_view noun);

// Returns the columns of UTF-8 text on a terminal: 2 for wide characters, 0 for combining ones.
size_t DisplayWidth(std::string_view text);

// Cuts a text to a width, with "…" at the end.
std::string FitWidth(std::string_view text, size_t width);

}  // namespace tarn
