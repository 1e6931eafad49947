#pragma once

#include <arrow/type.h>

#include <memory>

#include "duck/vector.h"

namespace tarn::result {

// Returns the Arrow type that represents every value of `type` exactly, or utf8 if there is none.
std::shared_ptr<arrow::DataType> ToArrowType(const duck::ColumnType& type);

}  // namespace tarn::result
