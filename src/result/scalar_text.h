#pragma once

#include <string>
#include <string_view>

#include "duck/vector.h"

namespace tarn::result {

// Appends the text of a value that is neither null nor nested. It is the same in all formats,
// except for quotes and escapes, which it does not have.
void AppendScalarText(const duck::VectorView& vector, uint64_t row, std::string& out);

// Read values of types with several storage types. The row must not be null.
duck::Int128 DecimalAt(const duck::VectorView& vector, uint64_t row);
std::string_view EnumAt(const duck::VectorView& vector, uint64_t row);
std::string_view TextAt(const duck::VectorView& vector, uint64_t row);

}  // namespace tarn::result
