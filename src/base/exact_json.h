#pragma once

// JSON whose numbers stay what was written: a double would lose the digits of 0.10 and of all
// that is longer than 15 digits.

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
  // kText: UTF-8 without escapes, which may hold NUL. kNumber: its digits, as JSON writes them.
  std::string text;
  std::vector<ExactJson> items;    // kList; kObject: the values.
  std::vector<std::string> names;  // kObject: of its items, in the order of the text; no two equal.

  // The value of that name in an object; null where there is none.
  const ExactJson* Find(std::string_view name) const;

  // As JSON without white space; numbers have their own digits.
  std::string Dump() const;
};

// Exactly one value, in UTF-8. The error is kInvalidArgument and says where and what is wrong:
// "parse error at line 1, column 5: …". A number beyond a double's range is an error, and so are
// more than kJsonDepthMax lists and objects within each other, and more than kJsonValuesMax values.
Result<ExactJson> ParseExactJson(std::string_view text);

}  // namespace tarn
