#include "cli/commands/bucket.h"

#include <gtest/gtest.h>

namespace tarn::cli {
namespace {

TEST(BucketUrlTest, ParsesBucketAndPrefix) {
  const auto parse = [](std::string_view text) {
    const BucketUrl url = BucketUrl::Parse(text).value();
    return url.bucket + "|" + url.prefix + "|" + url.Text();
  };
  EXPECT_EQ(parse("s3://lake"), "lake||s3://lake/");
  EXPECT_EQ(parse("s3://lake/"), "lake||s3://lake/");
  EXPECT_EQ(parse("s3://my.lake-1/a"), "my.lake-1|a/|s3://my.lake-1/a/");
  EXPECT_EQ(parse("s3://lake/a b/%41+/"), "lake|a b/%41+/|s3://lake/a b/%41+/");
}

TEST(BucketUrlTest, RefusesInvalidBuckets) {
  EXPECT_TRUE(BucketUrl::Is("s3://"));
  EXPECT_FALSE(BucketUrl::Is("s3:/lake"));
  EXPECT_FALSE(BucketUrl::Is("lake"));
  for (const char* wrong :
       {"s3://", "s3:///a", "s3://a:b@c", "s3://a?b", "s3://a b", "s3://a%2F"}) {
    EXPECT_FALSE(BucketUrl::Parse(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace tarn::cli
