#pragma once

// Private to src/http.

#include <string>

namespace tarn::net {

// Returns and clears the reason of the last OpenSSL failure on this thread.
std::string OpenSslReason();

}  // namespace tarn::net
