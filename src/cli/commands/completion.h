#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace tarn::cli {

// The text that a shell reads once, so that Tab completes: for bash, zsh or fish.
Result<std::string> CompletionScript(const std::string& shell);

// What the last of these words of a command line may become; the program is not among them. Names
// of datasets are asked for where one is expected; where files are, there is nothing to say.
std::vector<std::string> Complete(CLI::App& app, const std::vector<std::string>& words);

}  // namespace tarn::cli
