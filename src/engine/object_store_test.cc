#include "engine/object_store.h"

#include <gtest/gtest.h>

namespace tarn::engine {
namespace {

S3Settings Settings(std::string endpoint) {
  S3Settings settings;
  settings.endpoint = std::move(endpoint);
  settings.bucket = "lake";
  return settings;
}

std::string SecretOf(const S3Settings& settings) {
  return ObjectStore::FromSettings(settings)->CreateSecretSql({"id", "se'cret", ""});
}

TEST(ObjectStore, TheSchemeDecidesTlsWhereUseSslDoesNot) {
  EXPECT_NE(SecretOf(Settings("http://h:1")).find("USE_SSL false"), std::string::npos);
  EXPECT_NE(SecretOf(Settings("https://h:1")).find("USE_SSL true"), std::string::npos);
  EXPECT_NE(SecretOf(Settings("h:1")).find("USE_SSL true"), std::string::npos);
  S3Settings settings = Settings("http://h:1");
  settings.use_ssl = true;
  EXPECT_NE(SecretOf(settings).find("USE_SSL true"), std::string::npos);
  settings = Settings("h:1");
  settings.use_ssl = false;
  EXPECT_NE(SecretOf(settings).find("USE_SSL false"), std::string::npos);
}

TEST(ObjectStore, NoEndpointMeansAws) {
  const std::string aws = SecretOf(Settings(""));
  EXPECT_EQ(aws.find("ENDPOINT"), std::string::npos);
  EXPECT_NE(aws.find("URL_STYLE 'vhost'"), std::string::npos);
  const std::string own = SecretOf(Settings("http://127.0.0.1:8333/"));
  EXPECT_NE(own.find("ENDPOINT '127.0.0.1:8333'"), std::string::npos);
  EXPECT_NE(own.find("URL_STYLE 'path'"), std::string::npos);
  EXPECT_NE(own.find("SECRET 'se''cret'"), std::string::npos);
}

TEST(ObjectStore, RefusesEndpointsItCannotUse) {
  for (const char* endpoint : {"ftp://h", "http://h/path", "file:relative", "file://relative"}) {
    const auto store = ObjectStore::FromSettings(Settings(endpoint));
    ASSERT_FALSE(store.ok()) << endpoint;
    EXPECT_TRUE(store.error().message.starts_with("s3.endpoint: ")) << store.error().message;
  }
}

TEST(ObjectStore, AFolderServesInPlaceOfABucket) {
  const auto store = ObjectStore::FromSettings(Settings("file:///srv/data"));
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE(store->is_folder());
  EXPECT_EQ(*store->Url("a b/x.parquet"), "/srv/data/lake/a b/x.parquet");
  EXPECT_EQ(*store->Url("a*[1]?.parquet"), "/srv/data/lake/a[*][[]1][?].parquet");
  for (const char* key : {"../x", "a/../../x", "..", "a/./b", "/etc/passwd", "a//b"}) {
    EXPECT_FALSE(store->Url(key).ok()) << key;
  }
  EXPECT_TRUE(store->Url("..a/b..").ok());
}

TEST(ObjectStore, KeysOfABucketAreTakenAsTheyAre) {
  const auto store = ObjectStore::FromSettings(Settings("http://h:1"));
  EXPECT_EQ(*store->Url("a*//..b/%20?x=1"), "s3://lake/a*//..b/%20?x=1");
  for (const char* key : {"..", "../other/x", "a/../b", "a/./b", "a/.."}) {
    EXPECT_FALSE(store->Url(key).ok()) << key;
  }
}

}  // namespace
}  // namespace tarn::engine
