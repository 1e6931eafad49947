#include "catalogd/store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/text.h"

namespace tarn::catalogd {
namespace {

catalog::DatasetContent Content(std::string key) {
  return {.objects = {{std::move(key), 10, "\"e\""}}, .row_count = 3};
}

class StoreTest : public testing::Test {
 protected:
  std::string folder = testing::TempDir() + "tarn-store-" + RandomId();
  ~StoreTest() override { std::filesystem::remove_all(folder); }
  std::unique_ptr<Store> Open() {
    auto store = Store::Open(folder);
    EXPECT_TRUE(store.ok()) << store.error().message;
    return std::move(*store);
  }
};

TEST_F(StoreTest, PutIsAnIdempotentUpsert) {
  auto store = Open();
  const auto created = *store->Put("a", Content("k1"));
  EXPECT_EQ(created.outcome, Store::PutOutcome::kCreated);
  const auto same = *store->Put("a", Content("k1"));
  EXPECT_EQ(same.outcome, Store::PutOutcome::kUnchanged);
  EXPECT_EQ(same.manifest.updated_at, created.manifest.updated_at);
  EXPECT_EQ(store->Count()->revision, 1U);
  const auto updated = *store->Put("a", Content("k2"));
  EXPECT_EQ(updated.outcome, Store::PutOutcome::kUpdated);
  EXPECT_GT(updated.manifest.updated_at, created.manifest.updated_at);
  EXPECT_EQ(updated.manifest.created_at, created.manifest.created_at);
  EXPECT_EQ(updated.manifest.dataset_id, created.manifest.dataset_id);
  EXPECT_EQ(store->Count()->revision, 2U);
}

TEST_F(StoreTest, TheRevisionCountsChangesOnly) {
  auto store = Open();
  EXPECT_EQ(store->List()->revision, 0U);
  ASSERT_TRUE(store->Put("a", Content("k")).ok());
  EXPECT_EQ(store->Delete("b").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store->List()->revision, 1U);
  ASSERT_TRUE(store->Delete("a").ok());
  EXPECT_EQ(store->List()->revision, 2U);
  EXPECT_TRUE(store->List()->manifests.empty());
  EXPECT_EQ(store->Get("a").error().kind, ErrorKind::kNotFound);
}

TEST_F(StoreTest, UpdatedAtNeverRepeats) {
  auto store = Open();
  UnixMicros last{};
  for (int i = 0; i < 500; ++i) {
    const auto put = *store->Put("a", Content("k" + std::to_string(i)));
    ASSERT_GT(put.manifest.updated_at, last);
    last = put.manifest.updated_at;
    if (i % 7 == 0) {
      ASSERT_TRUE(store->Delete("a").ok());
    }
  }
}

TEST_F(StoreTest, EverythingIsThereAfterAReopen) {
  catalog::Snapshot before;
  {
    auto store = Open();
    ASSERT_TRUE(store->Put("it's \"a\"; DROP", Content("k")).ok());
    ASSERT_TRUE(store->Put("b", {.objects = {{"x"}, {"y", 1, "e"}}}).ok());
    before = *store->List();
  }
  const auto after = *Open()->List();
  EXPECT_EQ(after.revision, before.revision);
  ASSERT_EQ(after.manifests.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(after.manifests[i].name, before.manifests[i].name);
    EXPECT_EQ(after.manifests[i].content, before.manifests[i].content);
    EXPECT_EQ(after.manifests[i].updated_at, before.manifests[i].updated_at);
  }
}

TEST_F(StoreTest, ASecondStoreOnTheSameFolderIsRefused) {
  const auto first = Open();
  const auto second = Store::Open(folder);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("is in use"), std::string::npos) << second.error().message;
}

TEST_F(StoreTest, ACorruptFileIsAClearError) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/catalog.sqlite") << std::string(8192, 'x');
  const auto store = Store::Open(folder);
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.error().message.find("not a database"), std::string::npos)
      << store.error().message;
}

TEST_F(StoreTest, ANewerSchemaIsRefused) {
  { Open(); }
  {
    auto database = *SqliteDatabase::Open(folder + "/catalog.sqlite");
    ASSERT_TRUE(database.Execute("PRAGMA user_version = 99").ok());
  }
  const auto store = Store::Open(folder);
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.error().message.find("version 99"), std::string::npos);
}

}  // namespace
}  // namespace tarn::catalogd
