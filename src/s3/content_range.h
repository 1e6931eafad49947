#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tarn::s3 {

// Which bytes of an object an answer has, and how many the object has.
struct ContentRange {
  uint64_t begin = 0;
  uint64_t bytes = 0;
  uint64_t object_bytes = 0;
};

// "bytes 0-9/443", RFC 9110, 14.4. None where it is something else, or the object's size is not
// told.
std::optional<ContentRange> ParseContentRange(std::string_view text);

}  // namespace tarn::s3
