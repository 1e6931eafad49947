#include "base/uuid.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/check.h"
#include "base/sha256.h"

namespace tarn {

Uuid UuidOfName(const Uuid& name_space, std::string_view name) {
  std::string text(name_space.begin(), name_space.end());
  text += name;
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
  TARN_ASSERT(
      EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr) == 1,
      "OpenSSL has no SHA-1");
  Uuid uuid{};
  std::copy_n(digest.begin(), uuid.size(), uuid.begin());
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0FU) | 0x50U);  // The version.
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3FU) | 0x80U);  // The variant.
  return uuid;
}

std::string UuidText(const Uuid& uuid) {
  std::string text = Hex(std::string(uuid.begin(), uuid.end()));
  for (const size_t at : {20, 16, 12, 8}) text.insert(at, 1, '-');
  return text;
}

}  // namespace tarn
