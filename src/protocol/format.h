#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tarn {

// The encoding of a result.
enum class Format : uint8_t { kJson, kNdjson, kCsv, kArrow };

// The properties of a format. A new format has a value in Format, a row in the table that Formats
// returns, and an encoder (result/result_encoder.cc).
struct FormatDescription {
  Format format;
  std::string_view name;          // As in ?format= and `tarn sql --format`.
  std::string_view media_type;    // As in Accept.
  std::string_view content_type;  // As in Content-Type.
  bool is_text;                   // True if a terminal can show it.
  // True if the encoder can write rows one by one, so that a byte limit applies to rows. Otherwise
  // it applies after a batch.
  bool is_row_by_row;
  // True if a result says by itself that it is truncated. Otherwise it needs a trailer.
  bool marks_truncation;
};

// All formats, in the order of Format.
std::span<const FormatDescription> Formats();
const FormatDescription& Describe(Format format);
std::optional<Format> FormatOfName(std::string_view name);
// "json, ndjson, csv or arrow", for messages.
std::string FormatNames();

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
