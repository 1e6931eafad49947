#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tarn::http {

// Names and values, in their order; a name may come again.
using Headers = std::vector<std::pair<std::string, std::string>>;

}  // namespace tarn::http
