#pragma once

#include <cstdlib>
#include <string>

namespace tarn::cli {

// Returns the value of an environment variable, or "" if it is not set.
inline std::string Environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): never set at run time.
  return value == nullptr ? "" : value;
}

}  // namespace tarn::cli
