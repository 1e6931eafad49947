#pragma once

#include <string>
#include <string_view>

namespace tarn {

// Appends the text as a JSON string. Bytes that are not UTF-8 are replaced by U+FFFD.
void AppendJsonText(std::string& out, std::string_view text);

}  // namespace tarn
