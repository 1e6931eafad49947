#pragma once

#include <memory>
#include <string>
#include <vector>

#include "result/result_encoder.h"

namespace tarn::engine {

// The stream of Arrow's IPC format: the schema, then a record batch for each call of Rows. Columns
// whose type Arrow cannot hold exactly are text, in the text that CSV has for them. Nothing is
// appended before the first rows, or the end.
std::unique_ptr<ResultEncoder> MakeArrowEncoder(const std::vector<std::string>& names,
                                                const std::vector<duck::ColumnType>& types,
                                                const JsonOptions& options);

}  // namespace tarn::engine
