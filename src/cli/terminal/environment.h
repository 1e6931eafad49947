#pragma once

#include <cstdlib>
#include <string>

namespace tarn::cli {

// The value of a variable; empty where it is not set.
inline std::string Environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it.
  return value == nullptr ? "" : value;
}

}  // namespace tarn::cli
