#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "catalogd/store/store.h"
#include "catalogd/store/test_store.h"

namespace tarn::catalogd {
namespace {

class StoreLargeTest : public StoreTest {};

Store::ChangeOptions OnlySmall() { return {.only_small = true}; }

catalog::DatasetContent LargeTyped(const std::string& key, std::string type) {
  catalog::DatasetContent content = Large(key);
  content.schema = {{"id", std::move(type)}};
  return content;
}

TEST_F(StoreLargeTest, ASmallChangeOfALargeManifestIsPutOff) {
  auto store = Open();
  ASSERT_TRUE(store->Put("a", Large("a/1")).ok());
  ASSERT_TRUE(store->Put("b", Content("b/1")).ok());
  const catalog::Position before = store->Now();
  EXPECT_EQ(store->Touch("a", OnlySmall())->outcome, Store::PutOutcome::kIsLarge);
  EXPECT_EQ(store->Restore("a", "", 1, OnlySmall())->outcome, Store::PutOutcome::kIsLarge);
  EXPECT_EQ(store->Put("a", Content("2"), {.change = OnlySmall()})->outcome,
            Store::PutOutcome::kIsLarge);
  EXPECT_EQ(store->Now(), before);
  EXPECT_EQ(store->Touch("b", OnlySmall())->outcome, Store::PutOutcome::kUpdated);
  EXPECT_EQ(store->Put("c", Content("2"), {.change = OnlySmall()})->outcome,
            Store::PutOutcome::kCreated);
}

TEST_F(StoreLargeTest, AnswersHaveTheLargeContent) {
  auto store = Open();
  const std::string first = catalog::FormatDatasetContent(Large("a/1"));
  const std::string second = catalog::FormatDatasetContent(Large("a/2"));
  EXPECT_EQ(store->Put("a", Large("a/1"))->record.content, first);
  const auto same = *store->Put("a", Large("a/1"));
  EXPECT_EQ(same.outcome, Store::PutOutcome::kUnchanged);
  EXPECT_EQ(same.record.content, first);
  const auto touched = *store->Touch("a");
  EXPECT_EQ(touched.record.content, first);
  EXPECT_EQ(touched.record.manifest.version, 2U);
  EXPECT_EQ(store->Put("a", Large("a/2"))->record.content, second);
  const auto restored = *store->Restore("a", "", 1);
  EXPECT_EQ(restored.record.content, first);
  EXPECT_EQ(restored.record.manifest.version, 4U);
  EXPECT_EQ(store->Restore("a", "", 2)->outcome, Store::PutOutcome::kUnchanged);
  EXPECT_EQ(store->Get("a")->content, first);
}

TEST_F(StoreLargeTest, ATouchStoresNoContent) {
  auto store = Open();
  ASSERT_TRUE(store->Put("a", Large("a/1")).ok());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store->Touch("a").ok());
  store.reset();
  EXPECT_EQ(Number("SELECT count(*) FROM contents"), 1);
}

TEST_F(StoreLargeTest, ChecksConditionsAndSchemas) {
  auto store = Open();
  ASSERT_TRUE(store->Put("a", LargeTyped("a/1", "INTEGER")).ok());
  const auto refuse = [](const catalog::Manifest* /*current*/) -> Result<> {
    return Error{ErrorKind::kPrecondition, "no"};
  };
  EXPECT_EQ(store->Touch("a", {.condition = refuse}).error().message, "no");
  EXPECT_EQ(store->Put("a", Large("a/2"), {.change = {.condition = refuse}}).error().message, "no");
  EXPECT_EQ(store->Put("a", LargeTyped("a/2", "VARCHAR")).error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(store->Put("a", LargeTyped("a/2", "VARCHAR"), {.allow_schema_change = true}).ok());
}

TEST_F(StoreLargeTest, ChecksKeys) {
  auto store = Open();
  const Store::ChangeOptions red{.keys = auth::KeyScope::Of({"red/"})};
  const Store::ChangeOptions blue{.keys = auth::KeyScope::Of({"blue/"})};
  ASSERT_TRUE(store->Put("a", Large("red/1"), {.change = red}).ok());
  EXPECT_TRUE(store->Touch("a", red).ok());
  EXPECT_EQ(store->Touch("a", blue).error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(store->Restore("a", "", 2, blue).error().kind, ErrorKind::kForbidden);
  // Keys in several folders are allowed only if each of them is.
  catalog::DatasetContent mixed = Large("red/1");
  mixed.objects.push_back({"blue/1"});
  ASSERT_TRUE(store->Put("a", mixed).ok());
  EXPECT_EQ(store->Touch("a", red).error().kind, ErrorKind::kForbidden);
  EXPECT_TRUE(store->Touch("a", {.keys = auth::KeyScope::Of({"red/", "blue/"})}).ok());
  // A key that leaves its folder.
  mixed.objects.back() = {"red/%2e%2e/blue/1"};
  ASSERT_TRUE(store->Put("a", mixed).ok());
  EXPECT_EQ(store->Touch("a", red).error().kind, ErrorKind::kForbidden);
}

TEST_F(StoreLargeTest, ConcurrentChangesOfOneDatasetAreAllMade) {
  auto store = Open({.history_versions_max = 1000});
  ASSERT_TRUE(store->Put("a", Large("a/0")).ok());
  constexpr int kChanges = 20;
  std::vector<std::thread> threads;
  std::atomic<int> made = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kChanges; ++i) {
        const auto put =
            t % 2 == 0 ? store->Touch("a") : store->Put("a", Large(fmt::format("a/{}-{}", t, i)));
        // A change that was overtaken too often is refused and not made.
        if (put.ok()) {
          ++made;
        } else {
          EXPECT_EQ(put.error().kind, ErrorKind::kUnavailable) << put.error().message;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(made, 0);
  EXPECT_EQ(store->Find("a")->version, static_cast<uint64_t>(made) + 1);
}

}  // namespace
}  // namespace tarn::catalogd
