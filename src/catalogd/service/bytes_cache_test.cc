#include "catalogd/service/bytes_cache.h"

#include <gtest/gtest.h>

namespace tarn::catalogd {
namespace {

std::shared_ptr<const int> Number(int number) { return std::make_shared<const int>(number); }

TEST(BytesCacheTest, ReturnsTheLastValueOfAKey) {
  BytesCache<int> cache(10'000);
  EXPECT_EQ(cache.Find("a"), nullptr);
  cache.Put("a", Number(1), 100);
  cache.Put("a", Number(2), 100);
  EXPECT_EQ(*cache.Find("a"), 2);
}

TEST(BytesCacheTest, RemovesTheLeastRecentlyUsedValues) {
  // Each entry takes its bytes, its key and 256 more.
  BytesCache<int> cache(2 * (1000 + 2 + 256));
  cache.Put("a", Number(1), 1000);
  cache.Put("b", Number(2), 1000);
  EXPECT_NE(cache.Find("a"), nullptr);
  cache.Put("c", Number(3), 1000);
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("c"), nullptr);
}

TEST(BytesCacheTest, DoesNotCacheAValueAboveTheLimit) {
  BytesCache<int> cache(1000);
  cache.Put("a", Number(1), 100);
  cache.Put("b", Number(2), 1000);
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("b"), nullptr);
  // A replaced value is not returned again, even if the new one does not fit.
  cache.Put("a", Number(3), 1000);
  EXPECT_EQ(cache.Find("a"), nullptr);
}

}  // namespace
}  // namespace tarn::catalogd
