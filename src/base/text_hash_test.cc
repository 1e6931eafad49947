#include "base/text_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tarn {
namespace {

// Appendix A of the paper, and the first vectors of the reference implementation.
TEST(SipHash, HasTheValuesOfThePaper) {
  const SipKey key{.low = 0x0706050403020100, .high = 0x0f0e0d0c0b0a0908};
  std::string text;
  EXPECT_EQ(SipHash(key, text, 2, 4), 0x726fdb47dd0e0e31U);
  text += '\0';
  EXPECT_EQ(SipHash(key, text, 2, 4), 0x74f839c593dc67fdU);
  for (char c = 1; c < 15; ++c) text += c;
  EXPECT_EQ(SipHash(key, text, 2, 4), 0xa129ca6149be45e5U);
}

TEST(TextHash, DistinguishesTexts) {
  std::set<size_t> hashes;
  for (int i = 0; i < 10'000; ++i) hashes.insert(TextHash()(std::to_string(i)));
  EXPECT_EQ(hashes.size(), 10'000U);
  EXPECT_EQ(TextHash()("a"), TextHash()("a"));
}

}  // namespace
}  // namespace tarn
