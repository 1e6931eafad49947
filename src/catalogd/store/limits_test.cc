#include "catalogd/store/limits.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalogd/store/test_store.h"

namespace tarn::catalogd {
namespace {

using testing::HasSubstr;

class LimitsTest : public StoreTest {
 protected:
  static Store::ChangeOptions By(std::string token, bool is_tenant = true) {
    return {.changed_by = std::move(token), .is_tenant = is_tenant};
  }
  static Result<Store::PutResult> Put(Store& store, const std::string& name, size_t bytes,
                                      const Store::ChangeOptions& options) {
    return store.Put(name, Content(std::string(bytes, 'k')), {.change = options});
  }
  // Checks the sums in the database against its rows.
  void CheckSums() const {
    EXPECT_EQ(Number("SELECT datasets FROM catalogue"), Number("SELECT count(*) FROM datasets"));
    EXPECT_EQ(Number("SELECT bytes FROM catalogue"),
              Number("SELECT coalesce(sum(bytes), 0) FROM datasets"));
    EXPECT_EQ(Number("SELECT count(*) FROM (SELECT * FROM token_usage EXCEPT SELECT changed_by, "
                     "count(*), sum(bytes) FROM datasets GROUP BY changed_by)"),
              0);
    EXPECT_EQ(Number("SELECT count(*) FROM token_usage"),
              Number("SELECT count(DISTINCT changed_by) FROM datasets"));
  }
};

TEST_F(LimitsTest, LimitsTheBytesOfAToken) {
  auto store = Open({.limits = {.bytes_max_per_token = 10'000}});
  ASSERT_TRUE(Put(*store, "a", 4000, By("red")).ok());
  ASSERT_TRUE(Put(*store, "b", 4000, By("red")).ok());
  const auto refused = Put(*store, "c", 4000, By("red"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kTooLarge);
  EXPECT_THAT(refused.error().message, HasSubstr("the manifests of this token's datasets would"));
  EXPECT_THAT(refused.error().message,
              HasSubstr("more than 10000 (catalogd.datasets_bytes_max_per_token)"));
  EXPECT_FALSE(Put(*store, "b", 8000, By("red")).ok());
  EXPECT_TRUE(Put(*store, "c", 4000, By("blue")).ok());
  EXPECT_TRUE(Put(*store, "d", 20'000, By("admin", false)).ok());
  EXPECT_TRUE(store->Put("e", Content(std::string(20'000, 'k'))).ok());
  ASSERT_TRUE(store->Delete("a").ok());
  EXPECT_TRUE(Put(*store, "b", 8000, By("red")).ok());
  CheckSums();
}

TEST_F(LimitsTest, LimitsTheBytesOfAllDatasets) {
  auto store = Open({.limits = {.bytes_max = 10'000}});
  ASSERT_TRUE(Put(*store, "a", 4000, By("red")).ok());
  ASSERT_TRUE(Put(*store, "b", 4000, By("blue")).ok());
  const auto refused = Put(*store, "c", 4000, By("admin", false));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kTooLarge);
  EXPECT_THAT(refused.error().message, HasSubstr("(catalogd.datasets_bytes_max)"));
  EXPECT_FALSE(Put(*store, "b", 7000, By("blue")).ok());
  EXPECT_EQ(store->Count()->revision, 2U);
  EXPECT_TRUE(Put(*store, "b", 4001, By("blue")).ok());
}

TEST_F(LimitsTest, LimitsTheDatasetsOfAToken) {
  auto store = Open({.limits = {.datasets_max_per_token = 2}});
  ASSERT_TRUE(Put(*store, "a", 1, By("red")).ok());
  ASSERT_TRUE(Put(*store, "b", 1, By("red")).ok());
  ASSERT_TRUE(Put(*store, "c", 1, By("blue")).ok());
  EXPECT_EQ(Put(*store, "d", 1, By("red")).error().message,
            "this token would have 3 datasets, more than 2 "
            "(catalogd.datasets_max_per_token): delete datasets");
  EXPECT_FALSE(store->Touch("c", By("red")).ok()) << "the dataset would belong to red";
  EXPECT_TRUE(Put(*store, "b", 2, By("red")).ok());
  EXPECT_TRUE(Put(*store, "e", 1, By("red", false)).ok());
}

TEST_F(LimitsTest, CountsAChangeToAnotherTokensDataset) {
  auto store = Open({.limits = {.bytes_max_per_token = 10'000}});
  ASSERT_TRUE(Put(*store, "a", 6000, By("red")).ok());
  ASSERT_TRUE(Put(*store, "b", 6000, By("blue")).ok());
  EXPECT_FALSE(store->Touch("b", By("red")).ok());
  ASSERT_TRUE(store->Touch("a", By("admin", false)).ok());
  CheckSums();
  EXPECT_TRUE(store->Touch("b", By("red")).ok());
  EXPECT_FALSE(store->Touch("a", By("red")).ok());
  CheckSums();
}

TEST_F(LimitsTest, CountsRestoredVersions) {
  auto store = Open({.limits = {.bytes_max = 10'000, .bytes_max_per_token = 9000}});
  ASSERT_TRUE(Put(*store, "a", 8000, By("red")).ok());
  ASSERT_TRUE(Put(*store, "a", 1, By("red")).ok());
  ASSERT_TRUE(Put(*store, "b", 5000, By("blue")).ok());
  EXPECT_THAT(store->Restore("a", "", 1, By("red")).error().message,
              HasSubstr("(catalogd.datasets_bytes_max)"));
  ASSERT_TRUE(store->Delete("b").ok());
  EXPECT_TRUE(store->Restore("a", "", 1, By("red")).ok());
  EXPECT_FALSE(store->Restore("b", "", 1, By("red")).ok());
  CheckSums();
}

TEST_F(LimitsTest, KeepsTheSumsAcrossAReopen) {
  const Store::Options options{.limits = {.bytes_max_per_token = 10'000}};
  {
    auto store = Open(options);
    ASSERT_TRUE(Put(*store, "a", 6000, By("red")).ok());
    ASSERT_TRUE(Put(*store, "gone", 1000, By("red")).ok());
    ASSERT_TRUE(store->Delete("gone").ok());
    ASSERT_TRUE(Put(*store, "b", 1000, By("blue")).ok());
  }
  auto store = Open(options);
  EXPECT_FALSE(Put(*store, "c", 6000, By("red")).ok());
  EXPECT_TRUE(Put(*store, "c", 3000, By("red")).ok());
  EXPECT_EQ(store->datasets(), 3U);
  EXPECT_EQ(store->bytes(), store->Count()->bytes);
  CheckSums();
}

TEST_F(LimitsTest, AllowsSmallerManifestsAboveALoweredLimit) {
  ASSERT_TRUE(Put(*Open(), "a", 8000, By("red")).ok());
  auto store = Open({.limits = {.bytes_max = 5000, .bytes_max_per_token = 2000}});
  EXPECT_FALSE(Put(*store, "b", 1, By("red")).ok());
  EXPECT_FALSE(Put(*store, "a", 8001, By("red")).ok());
  EXPECT_TRUE(Put(*store, "a", 7000, By("red")).ok());
  EXPECT_TRUE(store->Touch("a", By("red")).ok());
  EXPECT_TRUE(store->Delete("a").ok());
}

TEST_F(LimitsTest, DoesNotCountARefusedChangeInABatch) {
  auto store = Open({.limits = {.bytes_max = 1'000'000}});
  const auto refuse = [](const catalog::Manifest*) -> Result<> { return Unavailable("no"); };
  EXPECT_FALSE(store->Put("a", Content("1"), {.change = {.condition = refuse}}).ok());
  EXPECT_EQ(store->Count()->bytes, 0U);
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  EXPECT_EQ(store->Put("A", Content("1")).error().kind, ErrorKind::kConflict);
  CheckSums();
}

TEST_F(LimitsTest, ListsAreNoLongerThanTheStoredSum) {
  auto store = Open();
  const std::string odd = "it's \"a\" \\ größe";
  ASSERT_TRUE(Put(*store, odd, 1, By("\"red\"")).ok());
  ASSERT_TRUE(Put(*store, "b", 100, By("blue")).ok());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(store->Touch("b", By("blue")).ok());
  auto listing = *store->OpenListing({}, std::nullopt);
  size_t bytes = 0;
  while (const auto piece = *listing->Next(1000)) bytes += piece->size();
  constexpr size_t kHeadBytes = 100;
  EXPECT_LE(bytes, store->bytes() + kHeadBytes);
  EXPECT_GT(bytes, store->bytes() - 100);
}

}  // namespace
}  // namespace tarn::catalogd
