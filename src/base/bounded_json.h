#pragma once

// JSON from outside, read into a tree only when the whole text is within limits. A tree takes up to
// a hundred times as many bytes as its text.

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn {

// The most lists and objects within each other: code that walks a value may recurse.
inline constexpr size_t kJsonDepthMax = 64;
// The most values of a text for which no setting has another limit.
inline constexpr size_t kJsonValuesMax = 1'000'000;

struct JsonLimits {
  size_t depth = kJsonDepthMax;    // Lists and objects within each other.
  size_t values = kJsonValuesMax;  // Texts, numbers, booleans, nulls, lists and objects.
};

// Reads exactly one JSON value (RFC 8259) in UTF-8. A text beyond the limits is refused before any
// tree is built. If an object repeats a name, the last value wins. Thread-safe.
//
// Errors: kTooLarge for more values than the limit; kInvalidArgument for text that is not JSON or
// is nested too deep. Both say why: "parse error at line 1, column 5: …".
Result<nlohmann::json> ParseBoundedJson(std::string_view text, const JsonLimits& limits = {});
// The same, with the names of objects in the order of the text.
Result<nlohmann::ordered_json> ParseBoundedOrderedJson(std::string_view text,
                                                       const JsonLimits& limits = {});

// The reason of an exception of the JSON library: without its tag, in UTF-8, and at most 300 bytes
// of it, since it may quote the whole text.
std::string JsonReason(std::string_view what);

// The errors of a text beyond its limits.
Error JsonTooDeepError(size_t depth_max);
Error JsonTooManyValuesError(size_t values_max);

}  // namespace tarn
