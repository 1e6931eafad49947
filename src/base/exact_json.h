#pragma once

// JSON with exact numbers: a double would change 0.10 and numbers of more than 15 digits.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bounded_json.h"
#include "base/result.h"

namespace tarn {

struct ExactJson {
  enum class Kind : uint8_t { kNull, kBool, kNumber, kText, kList, kObject };

  Kind kind = Kind::kNull;
  bool boolean = false;
  // kText: UTF-8 without escapes, possibly with NUL. kNumber: the digits in JSON syntax.
  std::string text;
  std::vector<ExactJson> items;  // kList; kObject: the values.
  // kObject: the distinct names of the items, in the order of the text.
  std::vector<std::string> names;

  // The value of that name in an object; null if there is none.
  const ExactJson* Find(std::string_view name) const;

  // JSON without white space, with the original digits of numbers.
  std::string Dump() const;
};

// Parses exactly one value in UTF-8. Errors are kInvalidArgument with position and reason: "parse
// error at line 1, column 5: …". Numbers beyond the range of a double, nesting deeper than
// kJsonDepthMax and more than kJsonValuesMax values are errors.
Result<ExactJson> ParseExactJson(std::string_view text);

}  // namespace tarn
