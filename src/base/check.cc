#include "base/check.h"

#include <cstdint>
#include <cstdlib>

#include "base/log.h"

namespace tarn {

void FailAssertion(const char* condition, const char* message, const char* file, int line) {
  log::Error("an invariant is broken, ending the process",
             {{"message", message}, {"condition", condition}, {"file", file}, {"line", line}});
  log::Flush();
  std::abort();
}

}  // namespace tarn
