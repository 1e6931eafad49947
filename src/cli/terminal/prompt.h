#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/commands/remote.h"

namespace tarn::cli {

// tarn sql on a terminal: a line editor with history and completion, statements that end with a
// semicolon and may have many lines, and commands that begin with a dot. Ctrl-C leaves a line or
// cancels a query, Ctrl-D ends it.
Result<> RunPrompt(const Remote& remote, const std::string& format, uint64_t row_limit);

}  // namespace tarn::cli
