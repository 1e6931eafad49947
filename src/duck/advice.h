#pragma once

#include <string>
#include <string_view>

namespace tarn::duck {

// DuckDB's message without the parts that a client can do nothing with: settings that it cannot
// make, extensions that it cannot install, the addresses and files of a stack trace. Names the
// setting of Tarn in their place, where there is one.
std::string WithoutAdvice(std::string_view message);

}  // namespace tarn::duck
