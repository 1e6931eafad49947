#pragma once

#include <memory>
#include <string>
#include <vector>

#include "result/result_encoder.h"

namespace tarn::result {

// Returns an encoder for the Arrow IPC stream format: the schema, then a record batch for each call
// of Rows. Types without an exact Arrow type become text, as in CSV. The output is empty until the
// first rows or the end.
std::unique_ptr<ResultEncoder> MakeArrowEncoder(const std::vector<std::string>& names,
                                                const std::vector<duck::ColumnType>& types,
                                                const JsonOptions& options);

}  // namespace tarn::result
