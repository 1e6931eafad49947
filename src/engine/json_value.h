#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "duck/vector.h"
#include "engine/engine.h"

namespace tarn::engine {

// The text in quotes, with JSON's escapes; what is not UTF-8 becomes U+FFFD.
void AppendJsonString(std::string_view text, std::string& out);

// One value of any type as JSON, by the rules of docs/http-api.md, "Types".
void AppendJsonValue(const duck::VectorView& vector, uint64_t row, const JsonOptions& options,
                     std::string& out);

}  // namespace tarn::engine
