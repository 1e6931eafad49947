#pragma once

#include <string>
#include <string_view>

namespace tarn {

// The bytes as lower-case hexadecimal digits.
std::string Hex(std::string_view bytes);

// The SHA-256 hash (FIPS 180-4) of the bytes as 64 lower-case hexadecimal digits. Thread-safe.
std::string Sha256Hex(std::string_view bytes);

}  // namespace tarn
