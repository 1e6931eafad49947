#pragma once

#include <string>
#include <string_view>

#include "duck/vector.h"

namespace tarn::engine {

// A value that is neither null nor nested, in the text that every format has for it, without
// quotes or escapes: the formats differ in those alone.
void AppendScalarText(const duck::VectorView& vector, uint64_t row, std::string& out);

// Values of one type as what holds them. The row must not be null.
duck::Int128 DecimalAt(const duck::VectorView& vector, uint64_t row);
std::string_view EnumAt(const duck::VectorView& vector, uint64_t row);
std::string_view TextAt(const duck::VectorView& vector, uint64_t row);

}  // namespace tarn::engine
