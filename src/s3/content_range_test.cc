#include "s3/content_range.h"

#include <gtest/gtest.h>

namespace tarn::s3 {
namespace {

TEST(ContentRangeTest, ParsesARange) {
  const auto range = ParseContentRange("bytes 10-19/443");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->begin, 10U);
  EXPECT_EQ(range->bytes, 10U);
  EXPECT_EQ(range->object_bytes, 443U);
}

TEST(ContentRangeTest, RejectsOtherForms) {
  for (const char* wrong :
       {"", "bytes", "bytes ", "bytes 1", "bytes 1-", "bytes 1-2", "bytes 1-2/", "bytes 1-2/*",
        "bytes */443", "bytes 2-1/443", "bytes 0-443/443", "bytes 0-9/443 ", "items 0-9/443",
        "bytes -9/443", "bytes 0-9/99999999999999999999", "bytes 0-18446744073709551615/10"}) {
    EXPECT_FALSE(ParseContentRange(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace tarn::s3
