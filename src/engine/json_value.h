#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "duck/vector.h"

namespace tarn::engine {

struct JsonOptions {
  // Puts numbers that a double cannot hold exactly in quotes, for clients whose JSON parser
  // makes doubles of all numbers (JavaScript): integers beyond 2^53, decimals of more than 15
  // significant digits.
  bool quote_big_numbers = false;
};

// The text in quotes, with JSON's escapes; what is not UTF-8 becomes U+FFFD.
void AppendJsonString(std::string_view text, std::string& out);

// One value of any type as JSON, by the rules of docs/http-api.md, "Types".
void AppendJsonValue(const duck::VectorView& vector, uint64_t row, const JsonOptions& options,
                     std::string& out);

}  // namespace tarn::engine
