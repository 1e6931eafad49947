#include "protocol/object_store.h"

#include <gtest/gtest.h>

namespace tarn::protocol {
namespace {

S3Settings Settings(std::string endpoint) {
  S3Settings settings;
  settings.endpoint = std::move(endpoint);
  settings.bucket = "lake";
  return settings;
}

ObjectStore StoreOf(const S3Settings& settings) { return *ObjectStore::FromSettings(settings); }

TEST(ObjectStore, UsesTheSchemeWithoutUseSsl) {
  EXPECT_FALSE(StoreOf(Settings("http://h:1")).use_ssl);
  EXPECT_TRUE(StoreOf(Settings("https://h:1")).use_ssl);
  EXPECT_TRUE(StoreOf(Settings("h:1")).use_ssl);
  S3Settings settings = Settings("http://h:1");
  settings.use_ssl = true;
  EXPECT_TRUE(StoreOf(settings).use_ssl);
  settings = Settings("h:1");
  settings.use_ssl = false;
  EXPECT_FALSE(StoreOf(settings).use_ssl);
}

TEST(ObjectStore, UsesAwsWithoutAnEndpoint) {
  const ObjectStore aws = StoreOf(Settings(""));
  EXPECT_EQ(aws.host, "");
  EXPECT_FALSE(aws.use_path_style);
  const ObjectStore own = StoreOf(Settings("http://127.0.0.1:8333/"));
  EXPECT_EQ(own.host, "127.0.0.1:8333");
  EXPECT_TRUE(own.use_path_style);
}

TEST(ObjectStore, RejectsInvalidEndpoints) {
  for (const char* endpoint : {"ftp://h", "http://h/path", "file:relative", "file://relative"}) {
    const auto store = ObjectStore::FromSettings(Settings(endpoint));
    ASSERT_FALSE(store.ok()) << endpoint;
    EXPECT_TRUE(store.error().message.starts_with("s3.endpoint: ")) << store.error().message;
  }
}

TEST(ObjectStore, SupportsAFolderInsteadOfABucket) {
  const auto store = ObjectStore::FromSettings(Settings("file:///srv/data"));
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE(store->is_folder);
  EXPECT_EQ(*store->Url("a b/x.parquet"), "/srv/data/lake/a b/x.parquet");
  EXPECT_EQ(*store->Url("a*[1]?.parquet"), "/srv/data/lake/a[*][[]1][?].parquet");
  for (const char* key : {"../x", "a/../../x", "..", "a/./b", "/etc/passwd", "a//b"}) {
    EXPECT_FALSE(store->Url(key).ok()) << key;
  }
  EXPECT_TRUE(store->Url("..a/b..").ok());
  EXPECT_EQ(*store->Url("a\\b.parquet"), "/srv/data/lake/a\\b.parquet");
}

TEST(ObjectStore, RefusesPathsThatDuckdbReadsInAnotherFolder) {
  const auto store = ObjectStore::FromSettings(Settings("file:///srv/data"));
  ASSERT_TRUE(store.ok());
  for (const char* key : {"[a\\b", "a\\*", "a?/b\\c"}) EXPECT_FALSE(store->Url(key).ok()) << key;
  const std::string odd = "/srv/a[1]/b\\c";
  EXPECT_FALSE(ObjectStore::CheckFolder(odd).ok());
  EXPECT_TRUE(ObjectStore::CheckFolder("/srv/a[1]").ok());
  EXPECT_TRUE(ObjectStore::CheckFolder("/srv/b\\c").ok());
  EXPECT_EQ(ObjectStore::FromSettings(Settings("file://" + odd)).error().message,
            "s3.endpoint: the path /srv/a[1]/b\\c/lake has a backslash and one of * ? [, which "
            "DuckDB cannot read: rename it");
}

TEST(ObjectStore, UsesKeysOfABucketUnchanged) {
  const auto store = ObjectStore::FromSettings(Settings("http://h:1"));
  EXPECT_EQ(*store->Url("a*//..b/%20?x=1"), "s3://lake/a*//..b/%20?x=1");
  for (const char* key : {"..", "../other/x", "a/../b", "a/./b", "a/.."}) {
    EXPECT_FALSE(store->Url(key).ok()) << key;
  }
}

}  // namespace
}  // namespace tarn::protocol
