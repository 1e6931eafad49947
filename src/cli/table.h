#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::cli {

// The answer of POST /sql as a table for a terminal: a head, a line, the rows; numbers to the
// right. The error is a text that is not such an answer.
Result<std::string> RenderTable(std::string_view envelope);

}  // namespace tarn::cli
