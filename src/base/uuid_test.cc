#include "base/uuid.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

// RFC 9562, appendix A.4: a name in the namespace of DNS.
TEST(Uuid, HashesANameAsTheRfcDoes) {
  const Uuid dns = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                    0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
  EXPECT_EQ(UuidText(dns), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  EXPECT_EQ(UuidText(UuidOfName(dns, "www.example.com")), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

}  // namespace
}  // namespace tarn
