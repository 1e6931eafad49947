#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "duck/vector.h"
#include "protocol/format.h"

namespace tarn::engine {

// The text in quotes, with JSON's escapes; what is not UTF-8 becomes U+FFFD.
void AppendJsonString(std::string_view text, std::string& out);

// One value of any type as JSON, by the rules of docs/http-api.md, "Types".
void AppendJsonValue(const duck::VectorView& vector, uint64_t row, const JsonOptions& options,
                     std::string& out);

// For formats in which all is text: a scalar as it is, without quotes and escapes, a nested value
// as its JSON. The row must not be null.
void AppendPlainValue(const duck::VectorView& vector, uint64_t row, const JsonOptions& options,
                      std::string& out);

// True for values that are made of others; a VARIANT may be.
bool IsNested(duck::TypeId id);

}  // namespace tarn::engine
