#pragma once

#include <string>
#include <string_view>

namespace tarn::duck {

// Removes from a message of DuckDB the advice that a client cannot follow: locked settings and
// extensions to install; also the addresses and files of a stack trace. Names the corresponding
// setting of Tarn instead, if there is one.
std::string WithoutAdvice(std::string_view message);

}  // namespace tarn::duck
