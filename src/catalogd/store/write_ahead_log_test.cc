#include "catalogd/store/write_ahead_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "catalogd/store/store.h"
#include "catalogd/store/test_store.h"

namespace tarn::catalogd {
namespace {

constexpr uint64_t kLimit = 20'000'000;
// A change of 5 MB, with the pages of the history that it frees.
constexpr uint64_t kChangeBytesMax = 12'000'000;

class WriteAheadLogTest : public StoreTest {
 protected:
  const std::unique_ptr<Store> store =
      Open({.history_versions_max = 2, .wal_bytes_max = static_cast<int64_t>(kLimit)});
  size_t ended = 0;

  void SetUp() override {
    store->SetOnLog([this](uint64_t /*bytes*/, size_t lists) { ended += lists; });
    ASSERT_TRUE(store->Put("a", Large("a/0")).ok());
    ASSERT_TRUE(store->Put("b", Content("b/1")).ok());
  }

  std::unique_ptr<Listing> StartList() {
    auto listing = store->OpenListing({}, std::nullopt);
    EXPECT_TRUE(listing.ok());
    EXPECT_TRUE((*listing)->Next(1000).ok());
    return std::move(*listing);
  }

  // Makes changes of 80 MB in all. Returns the maximum size of the log.
  uint64_t ChangeOften() {
    uint64_t largest = 0;
    for (int i = 1; i <= 16; ++i) {
      const auto put = store->Put("a", Large(fmt::format("a/{}", i)));
      EXPECT_TRUE(put.ok()) << put.error().message;
      largest =
          std::max<uint64_t>(largest, std::filesystem::file_size(folder + "/catalog.sqlite-wal"));
    }
    return largest;
  }
};

TEST_F(WriteAheadLogTest, EndsAnOldListAboveTheLimit) {
  const auto held = StartList();
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  EXPECT_LE(ChangeOften(), kLimit + kChangeBytesMax);
  EXPECT_EQ(ended, 1U);
  const auto piece = held->Next(1000);
  ASSERT_FALSE(piece.ok());
  EXPECT_EQ(piece.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(piece.error().message,
            "the list was ended because it was read too slowly while the catalogue changed "
            "(catalogd.wal_bytes_max): repeat the request");
  EXPECT_FALSE(held->EstimateBytes(1).ok());
  const catalog::Changes fresh = ListSince(*store, std::nullopt);
  EXPECT_EQ(NamesOf(fresh), (Names{"a", "b"}));
  EXPECT_EQ(fresh.manifests[0].content, Large("a/16"));
}

TEST_F(WriteAheadLogTest, EndsYoungListsAboveTwiceTheLimit) {
  std::vector<std::unique_ptr<Listing>> held;
  for (int i = 0; i < 3; ++i) held.push_back(StartList());
  EXPECT_LE(ChangeOften(), 2 * kLimit + kChangeBytesMax);
  EXPECT_EQ(ended, 3U);
  for (const auto& listing : held) EXPECT_FALSE(listing->Next(1000).ok());
}

TEST_F(WriteAheadLogTest, EndsNoListBelowTheLimit) {
  const auto held = StartList();
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  ASSERT_TRUE(store->Put("b", Content("b/2")).ok());
  std::string json;
  while (auto piece = *held->Next(100'000)) json += *piece;
  EXPECT_NE(json.find("\"name\":\"b\""), std::string::npos);
  EXPECT_EQ(ended, 0U);
}

TEST_F(WriteAheadLogTest, AListAtItsEndHoldsNoTransaction) {
  const auto read = StartList();
  while (*read->Next(100'000)) continue;
  EXPECT_LE(ChangeOften(), kLimit + kChangeBytesMax);
  EXPECT_EQ(ended, 0U);
  EXPECT_TRUE(read->IsAtEnd());
}

TEST_F(WriteAheadLogTest, RefusesChangesWhileAnotherReaderKeepsTheLog) {
  auto other = *SqliteDatabase::Open(folder + "/catalog.sqlite");
  ASSERT_TRUE(other.Execute("BEGIN; SELECT * FROM catalogue").ok());
  Result<Store::PutResult> put = store->Put("a", Large("a/1"));
  int changes = 0;
  for (; put.ok() && changes < 40; ++changes) {
    put = store->Put("a", Large(fmt::format("a/{}", changes)));
  }
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().kind, ErrorKind::kUnavailable);
  EXPECT_GT(changes, 5);
  EXPECT_LE(std::filesystem::file_size(folder + "/catalog.sqlite-wal"),
            4 * kLimit + kChangeBytesMax);
  ASSERT_TRUE(other.Execute("ROLLBACK").ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_TRUE(store->Put("a", Large("a/last")).ok());
  EXPECT_LE(std::filesystem::file_size(folder + "/catalog.sqlite-wal"), kLimit);
}

TEST_F(WriteAheadLogTest, ListsAreReadWhileOthersAreEnded) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        auto listing = *store->OpenListing({}, std::nullopt);
        for (;;) {
          const auto piece = listing->Next(10'000);
          EXPECT_TRUE(piece.ok() || piece.error().kind == ErrorKind::kUnavailable);
          if (!piece.ok() || !*piece) break;
        }
      }
    });
  }
  const auto held = StartList();
  for (int i = 1; i <= 16; ++i) {
    // A change may be refused for a second.
    if (!store->Put("a", Large(fmt::format("a/{}", i))).ok()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GE(ended, 1U);
  EXPECT_FALSE(held->Next(1000).ok());
}

}  // namespace
}  // namespace tarn::catalogd
