#pragma once

// Limits for JSON from other processes, checked before a tree is built: a tree takes up to a
// hundred times the memory of its text.

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn {

// The maximum nesting depth of lists and objects: code that walks a value may be recursive.
inline constexpr size_t kJsonDepthMax = 64;
// The maximum number of values of a text, unless a setting has another limit.
inline constexpr size_t kJsonValuesMax = 1'000'000;

struct JsonLimits {
  size_t depth = kJsonDepthMax;    // Nested lists and objects.
  size_t values = kJsonValuesMax;  // Strings, numbers, booleans, nulls, lists and objects.
};

// Parses exactly one JSON value (RFC 8259) in UTF-8. A text beyond the limits is rejected before a
// tree is built. If an object repeats a name, the last value wins. Thread-safe.
//
// Errors: kTooLarge for too many values; kInvalidArgument for text that is not JSON or is nested
// too deeply. Both have position and reason: "parse error at line 1, column 5: …".
Result<nlohmann::json> ParseBoundedJson(std::string_view text, const JsonLimits& limits = {});
// The same, with object names in the order of the text.
Result<nlohmann::ordered_json> ParseBoundedOrderedJson(std::string_view text,
                                                       const JsonLimits& limits = {});

// The reason in an exception of the JSON library: without its tag, in UTF-8, and at most 300 bytes,
// because it may quote the whole text.
std::string JsonReason(std::string_view what);

// Errors for a text beyond its limits.
Error JsonTooDeepError(size_t depth_max);
Error JsonTooManyValuesError(size_t values_max);

}  // namespace tarn
