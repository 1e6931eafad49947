#pragma once

#include <string>

namespace tarn {

// The version in --version and in the first log line: "0.1.0 (1a2b3c4)".
std::string Version();

}  // namespace tarn
