#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tarn::http {

// Header fields in their order; a name may occur more than once.
using Headers = std::vector<std::pair<std::string, std::string>>;

}  // namespace tarn::http
