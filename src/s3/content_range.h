#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tarn::s3 {

// The range of an object in a response, and the size of the object.
struct ContentRange {
  uint64_t begin = 0;
  uint64_t bytes = 0;
  uint64_t object_bytes = 0;
};

// Parses "bytes 0-9/443" (RFC 9110, 14.4). Returns nullopt for other forms and if the size is
// unknown.
std::optional<ContentRange> ParseContentRange(std::string_view text);

}  // namespace tarn::s3
