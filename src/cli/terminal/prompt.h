#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/commands/remote.h"

namespace tarn::cli {

// The prompt of tarn sql: a line editor with history and completion. Statements can have many lines
// and end with a semicolon. Commands begin with a dot. Ctrl-C clears the input or cancels the
// query, Ctrl-D ends the prompt.
Result<> RunPrompt(const Remote& remote, const std::string& format, uint64_t row_limit);

}  // namespace tarn::cli
