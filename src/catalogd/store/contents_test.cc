#include "catalogd/store/contents.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalogd/store/test_store.h"

namespace tarn::catalogd {
namespace {

class ContentsTest : public StoreTest {
 protected:
  int64_t Contents() const { return Number("SELECT count(*) FROM contents"); }
  int64_t Unused() const { return Number("SELECT count(*) FROM unused_contents"); }
};

TEST_F(ContentsTest, VersionsShareAContent) {
  auto store = Open();
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  ASSERT_TRUE(store->Touch("a").ok());
  EXPECT_EQ(Contents(), 1);
  ASSERT_TRUE(store->Put("a", Content("2")).ok());
  ASSERT_TRUE(store->Restore("a", "", 1).ok());
  EXPECT_EQ(Contents(), 2);
  EXPECT_EQ(store->History("a", INT64_MAX, 10)->entries.size(), 4U);
}

TEST_F(ContentsTest, KeepsASharedContentUntilItsLastVersionIsPurged) {
  auto store = Open({.history_versions_max = 2});
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  ASSERT_TRUE(store->Touch("a").ok());
  ASSERT_TRUE(store->Touch("a").ok());
  ASSERT_TRUE(store->Put("a", Content("2")).ok());
  EXPECT_EQ(store->Restore("a", "", 3)->record.content,
            catalog::FormatDatasetContent(Content("1")));
  ASSERT_TRUE(store->Touch("a").ok());
  EXPECT_EQ(Contents(), 1) << "the second content is purged";
  EXPECT_EQ(store->List()->manifests.at(0).content, Content("1"));
}

TEST_F(ContentsTest, DeletesTheContentsOfPurgedDatasets) {
  auto store = Open({.deleted_keep = std::chrono::nanoseconds(1)});
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  ASSERT_TRUE(store->Put("a", Content("2")).ok());
  ASSERT_TRUE(store->Delete("a").ok());
  EXPECT_EQ(Contents(), 2);
  ASSERT_TRUE(store->Put("b", Content("3")).ok());
  EXPECT_EQ(Contents(), 1);
  EXPECT_EQ(Unused(), 0);
}

// Each change deletes one of these contents.
TEST_F(ContentsTest, DeletesFewLargeContentsWithEachChange) {
  auto store = Open();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(store->Put("large", Large(std::to_string(i))).ok());
  }
  ASSERT_TRUE(store->Delete("large").ok());
  store.reset();
  store = Open({.deleted_keep = std::chrono::nanoseconds(1)});
  ASSERT_TRUE(store->Put("small", Content("0")).ok());
  EXPECT_EQ(store->History("large", INT64_MAX, 10).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(Unused(), 3);
  EXPECT_EQ(Contents(), 4);
  for (int i = 1; i < 4; ++i) ASSERT_TRUE(store->Put("small", Content(std::to_string(i))).ok());
  EXPECT_EQ(Unused(), 0);
  EXPECT_EQ(Contents(), 4) << "the contents of the small dataset";
}

TEST_F(ContentsTest, ARefusedChangeLeavesNoContent) {
  auto store = Open();
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  const auto full = [](uint64_t) -> Result<> { return Unavailable("full"); };
  EXPECT_EQ(store->Put("a", Content("2"), {.change = {.reserve = full}}).error().message, "full");
  EXPECT_EQ(store->Touch("a", {.reserve = full}).error().message, "full");
  EXPECT_EQ(Contents(), 1);
  EXPECT_EQ(store->Now().revision, 1U);
}

TEST_F(ContentsTest, ReservesMemoryBeforeReading) {
  auto store = Open();
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  ASSERT_TRUE(store->Put("a", Content("2")).ok());
  uint64_t asked = 0;
  const auto full = [&asked](uint64_t bytes) -> Result<> {
    asked = bytes;
    return Unavailable("full");
  };
  EXPECT_EQ(store->Get("a", full).error().message, "full");
  EXPECT_GE(asked, store->Get("a")->Json().size());
  EXPECT_LT(asked, store->Get("a")->Json().size() + 100);
  const uint64_t one = asked;
  EXPECT_EQ(store->History("a", INT64_MAX, 10, full).error().message, "full");
  EXPECT_EQ(asked, 2 * one);
  EXPECT_EQ(store->Restore("a", "", 1, {.reserve = full}).error().message, "full");
}

TEST_F(ContentsTest, ListsALargeManifestInSmallPieces) {
  auto store = Open();
  ASSERT_TRUE(store->Put("large", Large("1")).ok());
  ASSERT_TRUE(store->Put("small", Content("1")).ok());
  auto listing = *store->OpenListing({}, std::nullopt);
  EXPECT_GT(*listing->EstimateBytes(1'000'000), 1'000'000U);
  std::string json;
  constexpr size_t kPieceBytes = 100'000;
  while (auto piece = *listing->Next(kPieceBytes)) {
    EXPECT_LT(piece->size(), kPieceBytes + 1000);
    json += *piece;
  }
  const auto snapshot = *catalog::ParseSnapshot(json);
  ASSERT_EQ(snapshot.manifests.size(), 2U);
  EXPECT_EQ(snapshot.manifests[0].content, Large("1"));
  EXPECT_EQ(snapshot.manifests[1].content, Content("1"));
}

TEST_F(ContentsTest, EstimatesTheSizeOfAList) {
  auto store = Open();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(store->Put(fmt::format("\"\\{}", i), Content("1")).ok());
  }
  const catalog::Position before = store->Now();
  ASSERT_TRUE(store->Put("b_1", Content("1")).ok());
  ASSERT_TRUE(store->Delete("\"\\7").ok());
  const auto blue = auth::DatasetScope::Of({"b_*"});
  for (const auto& since : {std::optional<catalog::Position>(), std::optional(before)}) {
    for (const auto& scope : {auth::DatasetScope(), blue}) {
      auto listing = *store->OpenListing(scope, since);
      const uint64_t estimate = *listing->EstimateBytes(1'000'000);
      size_t bytes = 0;
      while (const auto piece = *listing->Next(1000)) bytes += piece->size();
      EXPECT_GE(estimate, bytes);
      EXPECT_LT(estimate, bytes + 100 * 21 + 1024);
    }
  }
}

TEST_F(ContentsTest, ListsEverythingIfTheChangesAreLonger) {
  catalog::Position before;
  {
    auto store = Open();
    ASSERT_TRUE(store->Put("a", Content("1")).ok());
    before = store->Now();
  }
  constexpr int kDeletions = 100'000;
  const auto add_deletions = [this](int first, int last) {
    Execute(
        fmt::format("WITH RECURSIVE n (n) AS (VALUES ({}) UNION ALL SELECT n + 1 FROM n LIMIT "
                    "{}) INSERT INTO deletions (name, revision, dataset_id, version, created_at, "
                    "deleted_at) SELECT printf('%0200d', n), n, 'id', 2, 1, "
                    "4000000000000000 FROM n; UPDATE catalogue SET revision = {}",
                    first, last - first + 1, last));
  };
  add_deletions(2, kDeletions / 2);
  EXPECT_EQ(ListSince(*Open(), before).deleted.size(), kDeletions / 2 - 1U);
  add_deletions(kDeletions / 2 + 1, kDeletions);
  const catalog::Changes whole = ListSince(*Open(), before);
  EXPECT_EQ(whole.since, std::nullopt);
  EXPECT_EQ(NamesOf(whole), (Names{"a"}));
}

}  // namespace
}  // namespace tarn::catalogd
