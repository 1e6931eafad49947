#pragma once

#include <string>

namespace tarn {

// "0.1.0 (1a2b3c4)": what --version and the start-up line say.
std::string Version();

}  // namespace tarn
