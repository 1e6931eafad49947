#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "duck/vector.h"
#include "protocol/format.h"

namespace tarn::result {

// Appends the text as a JSON string. Replaces invalid UTF-8 by U+FFFD.
void AppendJsonString(std::string_view text, std::string& out);

// Appends a value of any type as JSON. docs/http-api.md, "Types", has the rules.
void AppendJsonValue(const duck::VectorView& vector, uint64_t row, const JsonOptions& options,
                     std::string& out);

// Appends a value as text for formats that have only text: a scalar without quotes and escapes, a
// nested value as JSON. The row must not be null.
void AppendPlainValue(const duck::VectorView& vector, uint64_t row, const JsonOptions& options,
                      std::string& out);

// True for types whose values contain other values, and for VARIANT.
bool IsNested(duck::TypeId id);

}  // namespace tarn::result
