#pragma once

// Private to src/http.

#include <string>

namespace tarn::http {

// Why the last call of OpenSSL on this thread has failed; forgets it.
std::string OpenSslReason();

}  // namespace tarn::http
