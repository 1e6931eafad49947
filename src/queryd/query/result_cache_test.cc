#include "queryd/query/result_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace tarn::queryd {
namespace {

using testing::SizeIs;

class ResultCacheTest : public testing::Test {
 protected:
  static constexpr size_t kBytesMax = 100'000;

  Metrics metrics;
  ResultCache cache{kBytesMax, metrics};

  static CachedResult Of(std::string bytes, std::vector<DatasetRead> reads = {}) {
    return {.bytes = std::move(bytes), .summary = {.rows = 1}, .reads = std::move(reads)};
  }
  // Its bytes; empty: there is none.
  std::string Find(const std::string& key, uint64_t version = 1) {
    const auto found = cache.Find(key, [&](const std::vector<DatasetRead>& reads) {
      return reads.empty() || reads[0].version == version;
    });
    return found == nullptr ? "" : found->bytes;
  }
  std::string Shown() const { return metrics.Render(); }
};

TEST_F(ResultCacheTest, ReturnsStoredResults) {
  EXPECT_EQ(Find("k"), "");
  EXPECT_TRUE(cache.Keep("k", Of("one")));
  EXPECT_EQ(Find("k"), "one");
  EXPECT_EQ(Find("l"), "");
  EXPECT_TRUE(cache.Keep("k", Of("two")));
  EXPECT_EQ(Find("k"), "two");
  EXPECT_THAT(Shown(), testing::HasSubstr("tarn_result_cache_hits_total 2\n"));
  EXPECT_THAT(Shown(), testing::HasSubstr("tarn_result_cache_misses_total 2\n"));
}

TEST_F(ResultCacheTest, DropsAResultWhoseDatasetsHaveChanged) {
  cache.Keep("k", Of("one", {{"t", 1}}));
  EXPECT_EQ(Find("k", 1), "one");
  EXPECT_EQ(Find("k", 2), "");
  EXPECT_EQ(Find("k", 1), "") << "a result of a former version is dropped";
  EXPECT_THAT(Shown(), testing::HasSubstr("tarn_result_cache_bytes 0\n"));
}

TEST_F(ResultCacheTest, AResultOfAProcessThatCrashedIsDropped) {
  const auto is_withdrawn = std::make_shared<std::atomic<bool>>(false);
  cache.Keep("k", {.bytes = "one", .is_withdrawn = is_withdrawn});
  cache.Keep("l", Of("two"));
  EXPECT_EQ(Find("k"), "one");
  *is_withdrawn = true;
  EXPECT_EQ(Find("k"), "");
  EXPECT_EQ(Find("l"), "two");
}

TEST_F(ResultCacheTest, EvictsTheLeastRecentlyUsedResult) {
  const std::string large(kBytesMax / 5, 'x');
  for (const std::string key : {"a", "b", "c", "d"}) EXPECT_TRUE(cache.Keep(key, Of(large)));
  EXPECT_EQ(Find("a"), large);
  cache.Keep("e", Of(large));
  EXPECT_EQ(Find("b"), "");
  for (const std::string key : {"a", "c", "d", "e"}) EXPECT_EQ(Find(key), large) << key;
  EXPECT_THAT(Shown(), testing::HasSubstr("tarn_result_cache_evicted_total 1\n"));
}

TEST_F(ResultCacheTest, LimitsTheSizeOfOneResult) {
  cache.Keep("a", Of("a"));
  EXPECT_FALSE(cache.Keep("b", Of(std::string(kBytesMax / 2, 'x'))));
  EXPECT_FALSE(cache.Keep(std::string(kBytesMax / 2, 'k'), Of("x")));
  EXPECT_EQ(Find("a"), "a");
  EXPECT_EQ(Find("b"), "");
}

TEST_F(ResultCacheTest, LimitsTheMemoryOfManySmallResults) {
  for (int i = 0; i < 10'000; ++i) cache.Keep(std::to_string(i), Of("x", {{"t", 1}}));
  int kept = 0;
  for (int i = 0; i < 10'000; ++i) kept += Find(std::to_string(i)).empty() ? 0 : 1;
  EXPECT_GT(kept, 50);
  EXPECT_LT(kept, 250) << "the memory of their nodes counts too";
  EXPECT_EQ(Find("9999"), "x");
}

TEST_F(ResultCacheTest, KeepsNothingIfDisabled) {
  Metrics own;
  const ResultCache off{0, own};
  EXPECT_FALSE(off.is_on());
}

TEST(ResultCacheKey, DiffersForOtherResults) {
  const Statement one{.sql = "SELECT 1"};
  std::set<std::string> keys;
  const auto add = [&](const Statement& request, const auth::DatasetScope& scope = {}) {
    keys.insert(ResultCache::KeyOf(request, scope));
  };
  add(one);
  for (const auto& change : std::vector<std::function<void(Statement&)>>{
           [](Statement& r) { r.sql = "SELECT 2"; }, [](Statement& r) { r.params = "[1]"; },
           [](Statement& r) { r.sql = "", r.params = "SELECT 1"; },
           [](Statement& r) { r.sql = "SELECT 10:"; },
           [](Statement& r) { r.format = Format::kCsv; },
           [](Statement& r) { r.compression = Compression::kZstd; },
           [](Statement& r) { r.json.quote_big_numbers = true; },
           [](Statement& r) { r.limits.rows = 1; }, [](Statement& r) { r.limits.bytes = 1; }}) {
    Statement other = one;
    change(other);
    add(other);
  }
  add(one, auth::DatasetScope::Of({}));
  add(one, auth::DatasetScope::Of({"a"}));
  add(one, auth::DatasetScope::Of({"a", "b"}));
  add(one, auth::DatasetScope::Of({"ab"}));
  EXPECT_THAT(keys, SizeIs(14));
  Statement same = one;
  same.limits.timeout = std::chrono::seconds(1);
  same.cache = CacheUse::kRefresh;
  add(same);
  add(one, auth::DatasetScope::Of({"b", "a"}));
  EXPECT_THAT(keys, SizeIs(14));
}

TEST(TagOf, IsAHashOfTheBytes) {
  EXPECT_EQ(TagOf(""),
            "e3b0c44298fc1c149afbf4c8996fb924");  // The start of FIPS 180's digest of nothing.
  EXPECT_NE(TagOf("a"), TagOf("b"));
}

}  // namespace
}  // namespace tarn::queryd
