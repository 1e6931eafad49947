#pragma once

// Converts DuckDB's vectors to Arrow arrays. Both have the same layout for plain values and
// validity, so most columns without nulls are not copied: the arrays point into the chunk.

#include <arrow/array/data.h>
#include <arrow/result.h>
#include <arrow/type.h>

#include <memory>

#include "duck/vector.h"
#include "protocol/format.h"

namespace tarn::result {

// Returns rows [begin, end) of a vector as an array of `type`, which is ToArrowType(vector.type()).
// The array is valid as long as the chunk. CapacityError: the texts or lists are too large for
// Arrow's 32-bit offsets; fewer rows may fit.
arrow::Result<std::shared_ptr<arrow::ArrayData>> ToArrowArray(
    const duck::VectorView& vector, const std::shared_ptr<arrow::DataType>& type, uint64_t begin,
    uint64_t end, const JsonOptions& options);

}  // namespace tarn::result
