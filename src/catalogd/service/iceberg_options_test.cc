#include "catalogd/service/iceberg_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::catalogd {
namespace {

using testing::HasSubstr;

LakehouseSettings WithBucket() {
  LakehouseSettings settings;
  settings.s3.endpoint = "http://store:9000";
  settings.s3.bucket = "lake";
  settings.s3.access_key_id = "general-id";
  settings.s3.secret_access_key = "general-secret";
  return settings;
}

std::string ErrorOf(const LakehouseSettings& settings) {
  const auto choice = ChooseIceberg(settings);
  return choice.ok() ? "" : choice.error().message;
}

TEST(IcebergOptionsTest, IsOnWithABucket) {
  const auto choice = ChooseIceberg(WithBucket());
  ASSERT_TRUE(choice.ok());
  ASSERT_TRUE(choice->options);
  EXPECT_EQ(choice->options->bucket_uri, "s3://lake/");
  EXPECT_EQ(choice->options->endpoint, "http://store:9000");
  EXPECT_EQ(choice->options->data.credentials.access_key_id, "general-id");
  EXPECT_EQ(choice->options->metadata.credentials.access_key_id, "general-id");
  EXPECT_FALSE(choice->options->VendsCredentials());
}

TEST(IcebergOptionsTest, IsOffWithTheReason) {
  LakehouseSettings settings = WithBucket();
  settings.iceberg.enabled = false;
  EXPECT_THAT(ChooseIceberg(settings)->off_reason, HasSubstr("iceberg.enabled"));
  settings = LakehouseSettings();
  EXPECT_THAT(ChooseIceberg(settings)->off_reason, HasSubstr("s3.bucket is empty"));
  settings.iceberg.enabled = true;
  EXPECT_THAT(ErrorOf(settings), HasSubstr("iceberg.enabled"));
}

TEST(IcebergOptionsTest, WritesWithKeysOfItsOwn) {
  LakehouseSettings settings = WithBucket();
  settings.iceberg.access_key_id = "own-id";
  EXPECT_THAT(ErrorOf(settings), HasSubstr("iceberg.secret_access_key"));
  settings.iceberg.secret_access_key = "own-secret";
  auto choice = ChooseIceberg(settings);
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->options->data.credentials.access_key_id, "general-id");
  EXPECT_EQ(choice->options->metadata.credentials.access_key_id, "own-id");
  settings.s3.access_key_id = settings.s3.secret_access_key = "";
  choice = ChooseIceberg(settings);
  EXPECT_EQ(choice->options->data.credentials.access_key_id, "own-id");
}

TEST(IcebergOptionsTest, NeverVendsTheKeysOfTheDaemons) {
  LakehouseSettings settings = WithBucket();
  settings.iceberg.vended_access_key_id = "general-id";
  EXPECT_THAT(ErrorOf(settings), HasSubstr("set both or none"));
  settings.iceberg.vended_secret_access_key = "x";
  EXPECT_THAT(ErrorOf(settings), HasSubstr("must differ"));
  settings.iceberg.vended_access_key_id = "reader-id";
  EXPECT_TRUE(ChooseIceberg(settings)->options->VendsCredentials());
}

TEST(IcebergOptionsTest, RefusesPrefixesThatClientsMisread) {
  LakehouseSettings settings = WithBucket();
  for (const char* prefix :
       {"", "/", "x", "/x/", "x//y/", "x/../y/", "./x/", "x y/", "x#/", "ü/"}) {
    settings.iceberg.metadata_prefix = prefix;
    EXPECT_THAT(ErrorOf(settings), HasSubstr("iceberg.metadata_prefix")) << prefix;
  }
  for (const char* prefix : {".iceberg/", "a/b-c_d.e/", "..x/"}) {
    settings.iceberg.metadata_prefix = prefix;
    EXPECT_EQ(ErrorOf(settings), "") << prefix;
  }
  settings.iceberg.name_space = "a.b";
  EXPECT_THAT(ErrorOf(settings), HasSubstr("iceberg.namespace"));
}

}  // namespace
}  // namespace tarn::catalogd
