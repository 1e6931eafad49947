#include "cli/up/bucket_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "s3/test_bucket.h"

namespace tarn::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class BucketCatalogTest : public testing::Test {
 protected:
  s3::TestBucket bucket;
  Result<s3::Bucket> opened = bucket.bucket();  // The bucket of the next list.
  const std::unique_ptr<catalogd::Store> store = *catalogd::Store::Open(":memory:");

  BucketCatalog Open(const std::string& prefix) {
    return BucketCatalog([this] { return opened; }, prefix, *store);
  }
  static Result<queryd::CatalogRead> Read(BucketCatalog& catalog) {
    return catalog.Read("", Duration::zero(), Deadline::Never(), {});
  }
};

TEST_F(BucketCatalogTest, ListsObjectsBelowThePrefix) {
  bucket.objects = {{"a.parquet", "x"},        {"lake/b.parquet", "xx"},
                    {"lake/c/1.parquet", "x"}, {"lake/c/d/2.parquet", "xx"},
                    {"lake/notes.txt", "x"},   {"lake2/e.parquet", "x"}};
  bucket.page_keys = 1;
  BucketCatalog catalog = Open("lake/");
  const auto read = Read(catalog);
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->manifests.size(), 2U);
  EXPECT_EQ(read->manifests[0].name, "b");
  EXPECT_THAT(read->manifests[0].content.objects,
              ElementsAre(catalog::ObjectRef{"lake/b.parquet", 2, "\"1\""}));
  EXPECT_EQ(read->manifests[1].name, "c");
  EXPECT_EQ(read->manifests[1].content.objects.size(), 2U);
  EXPECT_FALSE(Read(catalog)->changed);
}

TEST_F(BucketCatalogTest, KeepsTheStoreIfAListFails) {
  bucket.objects = {{"a.parquet", "x"}};
  BucketCatalog catalog = Open("");
  ASSERT_TRUE(Read(catalog).ok());
  bucket.status = 403;
  const auto refused = Read(catalog);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message,
            "cannot list the bucket: the object store answers 403 NoSuchThing");
  EXPECT_EQ(store->List()->manifests.size(), 1U);
}

TEST_F(BucketCatalogTest, UsesChangedCredentials) {
  BucketCatalog catalog = Open("");
  ASSERT_TRUE(Read(catalog).ok());
  opened->credentials.access_key_id = "other";
  ASSERT_TRUE(Read(catalog).ok());
  opened = Unavailable("the file is just being written");
  ASSERT_TRUE(Read(catalog).ok()) << "with the former ones";
  const auto seen = bucket.seen();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_THAT(seen[0].authorization, HasSubstr("Credential=key/"));
  EXPECT_THAT(seen[1].authorization, HasSubstr("Credential=other/"));
  EXPECT_THAT(seen[2].authorization, HasSubstr("Credential=other/"));
  BucketCatalog another = Open("");
  EXPECT_THAT(Read(another).error().message, StartsWith("the file is just"));
}

}  // namespace
}  // namespace tarn::cli
