#pragma once

// DuckDB's vectors as arrays of Arrow. Both keep plain values and their validity in the same way,
// so columns without nulls are mostly not even copied: the arrays point into the chunk.

#include <arrow/array/data.h>
#include <arrow/result.h>
#include <arrow/type.h>

#include <memory>

#include "duck/vector.h"
#include "protocol/format.h"

namespace tarn::engine {

// Rows [begin, end) of a vector as an array of ToArrowType(vector.type()), which is `type`. It is
// valid as long as the chunk is. CapacityError: more text, or more elements of lists, than the 32
// bits of Arrow's offsets can count; fewer rows may fit.
arrow::Result<std::shared_ptr<arrow::ArrayData>> ToArrowArray(
    const duck::VectorView& vector, const std::shared_ptr<arrow::DataType>& type, uint64_t begin,
    uint64_t end, const JsonOptions& options);

}  // namespace tarn::engine
