#include <gtest/gtest.h>

#include <random>

#include "catalogd/store/store.h"
#include "catalogd/store/test_store.h"

namespace tarn::catalogd {
namespace {

// A manifest of about 100 KB.
catalog::DatasetContent Medium(int number) {
  catalog::DatasetContent content;
  for (int i = 0; i < 100; ++i) {
    content.objects.push_back({fmt::format("k/{}-{}-{}", number, i, std::string(1000, 'x'))});
  }
  return content;
}

Store::ChangeOptions By(const std::string& token, bool is_tenant = true) {
  return {.changed_by = token, .is_tenant = is_tenant};
}

class StoreHistoryTest : public StoreTest {
 protected:
  static constexpr int64_t kLimit = 1'000'000;
  std::unique_ptr<Store> store = Open({.history_bytes_max_per_token = kLimit});

  void Put(const std::string& name, int number, const Store::ChangeOptions& options) {
    const auto put = store->Put(name, Medium(number), {.change = options});
    ASSERT_TRUE(put.ok()) << put.error().message;
  }
  size_t Versions(const std::string& name) {
    const auto page = store->History(name, INT64_MAX, 1000);
    return page.ok() ? page->entries.size() : 0;
  }
  // The sum for each token is that of its rows.
  void ExpectRightSums() {
    store.reset();
    EXPECT_EQ(
        Number("SELECT count(*) FROM history_usage FULL JOIN (SELECT changed_by, "
               "sum(kept_bytes) AS bytes FROM (SELECT changed_by, kept_bytes FROM history "
               "UNION ALL SELECT changed_by, 512 FROM deletions) GROUP BY changed_by) AS rows "
               "ON history_usage.token = rows.changed_by "
               "WHERE history_usage.bytes IS NOT rows.bytes"),
        0);
  }
};

TEST_F(StoreHistoryTest, RemovesTheOldestVersionsOfATenantBeyondItsLimit) {
  for (int i = 0; i < 30; ++i) Put("red", i, By("red"));
  const auto page = *store->History("red", INT64_MAX, 1000);
  EXPECT_GE(page.entries.size(), 8U);
  EXPECT_LE(page.entries.size(), 11U);
  EXPECT_EQ(page.entries.front().version, 30U);
  EXPECT_EQ(store->Restore("red", "", 5).error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(store->Restore("red", "", page.entries.back().version).ok());
  ExpectRightSums();
}

TEST_F(StoreHistoryTest, LeavesTheVersionsOfOthers) {
  for (int i = 0; i < 15; ++i) Put("blue", i, By("blue"));
  const size_t of_blue = Versions("blue");
  for (int i = 0; i < 15; ++i) Put("all", i, By("loader", /*is_tenant=*/false));
  for (int i = 0; i < 30; ++i) Put("red", i, By("red"));
  EXPECT_EQ(Versions("blue"), of_blue);
  EXPECT_EQ(Versions("all"), 15U) << "the token is not limited to datasets";
  ExpectRightSums();
}

TEST_F(StoreHistoryTest, ForgetsTheOldestDeletionsOfATenantBeyondItsLimit) {
  for (int i = 0; i < 30; ++i) {
    Put(fmt::format("red{:02}", i), i, By("red"));
    ASSERT_TRUE(store->Delete(fmt::format("red{:02}", i), By("red")).ok());
  }
  EXPECT_EQ(store->Restore("red00", "", 1).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(Versions("red00"), 0U);
  EXPECT_TRUE(store->Restore("red29", "", 1).ok());
  // A client that has not read the list for a long time gets the whole list.
  const catalog::Position old{store->Now().catalog_id, 1};
  EXPECT_EQ(ListSince(*store, old).since, std::nullopt);
  ExpectRightSums();
}

TEST_F(StoreHistoryTest, CountsAContentThatVersionsShareOnce) {
  Put("red", 0, By("red"));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(store->Touch("red", By("red")).ok());
  EXPECT_EQ(Versions("red"), 51U);
  ExpectRightSums();
}

TEST_F(StoreHistoryTest, KeepsRightSumsInAnyOrderOfChanges) {
  std::mt19937 random(7);  // NOLINT: the same in every run
  for (int i = 0; i < 300; ++i) {
    const std::string name = fmt::format("d{}", random() % 5);
    const Store::ChangeOptions options = By(random() % 2 == 0 ? "red" : "blue", random() % 3 != 0);
    const auto kind = random() % 4;
    // Some of these fail, for example because there is no such dataset.
    if (kind == 0) {
      [[maybe_unused]] const auto deleted = store->Delete(name, options);
    } else if (kind == 1) {
      [[maybe_unused]] const auto touched = store->Touch(name, options);
    } else if (kind == 2) {
      [[maybe_unused]] const auto restored = store->Restore(name, "", 1 + random() % 9, options);
    } else {
      Put(name, static_cast<int>(random() % 20), options);
    }
  }
  ExpectRightSums();
}

}  // namespace
}  // namespace tarn::catalogd
