#include "base/version.h"

namespace tarn {

std::string Version() { return TARN_VERSION " (" TARN_REVISION ")"; }

}  // namespace tarn
