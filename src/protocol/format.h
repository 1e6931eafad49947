#pragma once

#include <cstdint>

namespace tarn {

// How rows are written.
enum class Format : uint8_t { kJson, kNdjson, kCsv, kArrow };

enum class Compression : uint8_t { kNone, kGzip, kZstd };

struct JsonOptions {
  // Puts numbers that a double cannot hold exactly in quotes, for clients whose JSON parser
  // makes doubles of all numbers (JavaScript): integers beyond 2^53, decimals of more than 15
  // significant digits.
  bool quote_big_numbers = false;
};

struct ResultSummary {
  uint64_t rows = 0;
  bool truncated = false;  // A limit cut rows off.
};

}  // namespace tarn
