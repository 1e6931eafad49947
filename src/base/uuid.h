#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tarn {

using Uuid = std::array<uint8_t, 16>;

// The UUID of a name within a namespace (version 5, RFC 9562, section 5.5). Thread-safe.
Uuid UuidOfName(const Uuid& name_space, std::string_view name);

// "2ed6657d-e927-568b-95e1-2665a8aea6a2"
std::string UuidText(const Uuid& uuid);

}  // namespace tarn
