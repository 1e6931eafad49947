#include "base/byte_size.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(ByteSize, ParsesNumbersWithUnits) {
  EXPECT_EQ(*ParseByteSize("1024"), 1024);
  EXPECT_EQ(*ParseByteSize("1GB"), 1'000'000'000);
  EXPECT_EQ(*ParseByteSize("1.5 gib"), 1'610'612'736);
  EXPECT_EQ(*ParseByteSize(" 512MiB "), 536'870'912);
  EXPECT_EQ(*ParseByteSize("0"), 0);
}

TEST(ByteSize, RejectsInvalidSizes) {
  for (const char* text : {"", "GB", "-1GB", "1 XB", "1GB2", "nan", "inf", "1e300GB", "80%"}) {
    EXPECT_FALSE(ParseByteSize(text).ok()) << text;
  }
}

}  // namespace
}  // namespace tarn
