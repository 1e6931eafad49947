#include <gmock/gmock.h>

#include <algorithm>

#include "catalogd/store/test_store.h"

namespace tarn::catalogd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Uris = std::vector<std::string>;

class StoreIcebergTest : public StoreTest {
 protected:
  static constexpr UnixMicros kLater = UnixMicros::max();

  static IcebergState Ids(const std::string& field_ids) { return {.field_ids = field_ids}; }
  static IcebergState State(const std::string& metadata) {
    return {.field_ids = "ids", .metadata = metadata, .metadata_location = "s3://" + metadata};
  }
};

TEST_F(StoreIcebergTest, KeepsTheStateUntilTheDatasetIsDeleted) {
  const auto store = Open();
  const catalog::Manifest made = store->Put("a", Content("k"))->record.manifest;
  EXPECT_FALSE(store->FindIcebergState(made.dataset_id)->has_value());
  ASSERT_TRUE(store->BeginIcebergObjects(made, Ids("ids"), {"m", "l", "j"}).ok());
  EXPECT_EQ((*store->FindIcebergState(made.dataset_id))->metadata, "");
  ASSERT_TRUE(store->SaveIcebergState(made, State("first"), {"j", "l"}).ok());
  ASSERT_TRUE(store->BeginIcebergObjects(made, Ids("more ids"), {"m2"}).ok());
  const auto state = *store->FindIcebergState(made.dataset_id);
  EXPECT_EQ(state->field_ids, "more ids");
  EXPECT_EQ(state->metadata, "first");
  EXPECT_EQ(state->metadata_location, "s3://first");
  // A new version keeps it.
  ASSERT_TRUE(store->Put("a", Content("k2")).ok());
  EXPECT_TRUE(store->FindIcebergState(made.dataset_id)->has_value());
  EXPECT_THAT(*store->OldIcebergObjects(kLater, 10), IsEmpty());

  ASSERT_TRUE(store->Delete("a").ok());
  EXPECT_FALSE(store->FindIcebergState(made.dataset_id)->has_value());
  EXPECT_EQ(store->OldIcebergObjects(kLater, 10)->size(), 4U);
  EXPECT_EQ(store->BeginIcebergObjects(made, Ids("ids"), {"x"}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store->SaveIcebergState(made, State("x"), {}).error().kind, ErrorKind::kNotFound);
}

TEST_F(StoreIcebergTest, RetiresObjectsThatWereWrittenTogether) {
  const auto store = Open();
  const catalog::Manifest made = store->Put("a", Content("k"))->record.manifest;
  const catalog::Manifest other = store->Put("b", Content("k"))->record.manifest;
  ASSERT_TRUE(store->BeginIcebergObjects(other, Ids(""), {"other"}).ok());
  ASSERT_TRUE(store->BeginIcebergObjects(made, Ids(""), {"m1", "l1", "j1"}).ok());
  ASSERT_TRUE(store->BeginIcebergObjects(made, Ids(""), {"m2", "l2", "j2"}).ok());
  // The manifest list is live, so its manifest is too.
  ASSERT_TRUE(store->SaveIcebergState(made, State("2"), {"l1", "j2"}).ok());
  EXPECT_THAT(*store->OldIcebergObjects(kLater, 10), IsEmpty());
  ASSERT_TRUE(store->SaveIcebergState(made, State("3"), {"j2"}).ok());
  Uris old = *store->OldIcebergObjects(kLater, 10);
  std::sort(old.begin(), old.end());
  EXPECT_THAT(old, ElementsAre("j1", "l1", "m1"));
  EXPECT_TRUE(*store->IsOldIcebergObject("m1", kLater));
  EXPECT_FALSE(*store->IsOldIcebergObject("m1", UnixMicros()));
  EXPECT_FALSE(*store->IsOldIcebergObject("m2", kLater));
  EXPECT_THAT(*store->OldIcebergObjects(UnixMicros(), 10), IsEmpty());
}

TEST_F(StoreIcebergTest, AnObjectThatIsWrittenAgainIsNotOld) {
  const auto store = Open();
  const catalog::Manifest made = store->Put("a", Content("k"))->record.manifest;
  ASSERT_TRUE(store->BeginIcebergObjects(made, Ids(""), {"m1", "j1"}).ok());
  ASSERT_TRUE(store->SaveIcebergState(made, State("2"), {}).ok());
  ASSERT_TRUE(store->BeginIcebergObjects(made, Ids(""), {"m1", "j2"}).ok());
  EXPECT_THAT(*store->OldIcebergObjects(kLater, 10), ElementsAre("j1"));
  ASSERT_TRUE(store->ForgetIcebergObjects({"j1", "m1"}).ok());
  EXPECT_THAT(*store->OldIcebergObjects(kLater, 10), IsEmpty());
  // m1 is in use, so it was not forgotten.
  ASSERT_TRUE(store->SaveIcebergState(made, State("3"), {}).ok());
  EXPECT_EQ(store->OldIcebergObjects(kLater, 10)->size(), 2U);
}

TEST_F(StoreIcebergTest, ForgetsTheOldestObjectsBeyondTheLimit) {
  const auto store = Open();
  const catalog::Manifest made = store->Put("a", Content("k"))->record.manifest;
  for (const char* uri : {"1", "2", "3"}) {
    ASSERT_TRUE(store->BeginIcebergObjects(made, Ids(""), {uri}).ok());
    ASSERT_TRUE(store->SaveIcebergState(made, State(uri), {}).ok());
  }
  EXPECT_EQ(*store->TrimIcebergObjects(3), 0U);
  EXPECT_EQ(*store->TrimIcebergObjects(2), 1U);
  EXPECT_THAT(*store->OldIcebergObjects(kLater, 10), ElementsAre("2", "3"));
  EXPECT_THAT(*store->OldIcebergObjects(kLater, 1), ElementsAre("2"));
}

TEST_F(StoreIcebergTest, LimitsTheBytesOfAllTablesAndOfEachToken) {
  const auto store = Open({.iceberg_bytes_max = 1000});
  const auto put = [&](const std::string& name, const std::string& token) {
    return store->Put(name, Content("k"), {.change = {.changed_by = token}})->record.manifest;
  };
  const auto begin = [&](const catalog::Manifest& dataset, size_t bytes) {
    return store->BeginIcebergObjects(dataset, State(std::string(bytes - 3, 'x')), {"u"});
  };
  const catalog::Manifest first = put("a", "blue");
  EXPECT_EQ(begin(first, 501).error().kind, ErrorKind::kTooLarge);
  EXPECT_TRUE(begin(first, 400).ok());
  EXPECT_TRUE(begin(first, 500).ok());
  EXPECT_EQ(begin(put("b", "blue"), 10).error().message,
            "the states of the tables of one token take more than 500 bytes "
            "(iceberg.tables_bytes_max)");
  EXPECT_TRUE(begin(put("c", "red"), 450).ok());
  EXPECT_EQ(begin(put("d", ""), 51).error().message,
            "the states of all tables take more than 1000 bytes (iceberg.tables_bytes_max)");
  ASSERT_TRUE(store->Delete("a").ok());
  EXPECT_TRUE(begin(put("b", "blue"), 10).ok());
}

TEST_F(StoreIcebergTest, ABackupKeepsFieldIdsButNoMetadata) {
  const auto store = Open();
  const catalog::Manifest made = store->Put("a", Content("k"))->record.manifest;
  ASSERT_TRUE(store->BeginIcebergObjects(made, Ids("ids"), {"m", "j"}).ok());
  ASSERT_TRUE(store->SaveIcebergState(made, State("first"), {"j"}).ok());
  const std::string path = *store->Backup();
  auto database = *SqliteDatabase::Open(path);
  auto query =
      *database.Prepare("SELECT field_ids, metadata, metadata_location FROM iceberg_tables");
  ASSERT_TRUE(*query.Step());
  EXPECT_EQ(query.Text(0), "ids");
  EXPECT_EQ(query.Text(1), "");
  EXPECT_EQ(query.Text(2), "");
  EXPECT_EQ((*store->FindIcebergState(made.dataset_id))->metadata, "first");
}

TEST_F(StoreIcebergTest, ListsNamesOfTheScopeInOrder) {
  const auto store = Open();
  for (const char* name : {"b", "a", "c", "d"}) ASSERT_TRUE(store->Put(name, Content("k")).ok());
  EXPECT_THAT(*store->Names({}, "", 10), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(*store->Names({}, "a", 2), ElementsAre("b", "c"));
  EXPECT_THAT(*store->Names(auth::DatasetScope::Of({"c", "a"}), "", 10), ElementsAre("a", "c"));
}

}  // namespace
}  // namespace tarn::catalogd
