#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/remote.h"

namespace tarn::cli {

// The prompt of tarn sql: a line editor with history and completion, for statements of one or more
// lines that end with a semicolon, and for commands that begin with a dot. Ctrl-C discards a line
// or cancels a query, and Ctrl-D ends the prompt.
Result<> RunPrompt(const Remote& remote, const std::string& format, uint64_t row_limit);

}  // namespace tarn::cli
