#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace tarn::cli {

// Returns the completion script for bash, zsh or fish.
Result<std::string> CompletionScript(const std::string& shell);

// Returns completions of the last word of a command line; the words do not include the program.
// Requests the names of datasets if a dataset is expected. Returns none for files.
std::vector<std::string> Complete(CLI::App& app, const std::vector<std::string>& words);

}  // namespace tarn::cli
