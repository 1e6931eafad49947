#include "base/sha256.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(Hex, WritesEachByte) {
  EXPECT_EQ(Hex(""), "");
  EXPECT_EQ(Hex(std::string_view("\0\x0F\xF0\xFF", 4)), "000ff0ff");
}

// The examples of FIPS 180-4.
TEST(Sha256, HashesTheExamplesOfTheStandard) {
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }
}

}  // namespace
}  // namespace tarn
