#pragma once

// How results can be asked for: plain values, for both sides of the seam that engine.h is.

#include <cstdint>

namespace tarn::engine {

enum class Format { kJson, kNdjson, kCsv, kArrow };

enum class Compression { kNone, kGzip, kZstd };

struct JsonOptions {
  // Puts numbers that a double cannot hold exactly in quotes, for clients whose JSON parser
  // makes doubles of all numbers (JavaScript): integers beyond 2^53, decimals of more than 15
  // significant digits.
  bool quote_big_numbers = false;
};

// What is known of a result once its last row is.
struct ResultSummary {
  uint64_t rows = 0;       // That were sent.
  bool truncated = false;  // There were more, which a limit kept back.
};

}  // namespace tarn::engine
