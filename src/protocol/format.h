#pragma once

#include <cstdint>

namespace tarn {

// The encoding of a result.
enum class Format : uint8_t { kJson, kNdjson, kCsv, kArrow };

enum class Compression : uint8_t { kNone, kGzip, kZstd };

struct JsonOptions {
  // Quotes numbers that a double cannot represent exactly, for clients whose JSON parser converts
  // all numbers to doubles (JavaScript): integers beyond 2^53, and decimals of more than 15
  // significant digits.
  bool quote_big_numbers = false;
};

struct ResultSummary {
  uint64_t rows = 0;
  bool truncated = false;  // A limit has cut off rows.
};

}  // namespace tarn
