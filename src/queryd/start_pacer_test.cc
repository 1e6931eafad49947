#include "queryd/start_pacer.h"

#include <gtest/gtest.h>

namespace tarn::queryd {
namespace {

using namespace std::chrono_literals;

TEST(StartPacer, StartsABurstAtOnceAndThenOneAnInterval) {
  StartPacer pacer(3, 2s);
  const auto now = StartPacer::Clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pacer.Take(now), 0s) << i;
  EXPECT_EQ(pacer.Take(now), 2s);
  EXPECT_EQ(pacer.Take(now + 2s), 2s) << "the one before was done just now";
  EXPECT_EQ(pacer.Take(now + 5s), 1s);
}

TEST(StartPacer, HasAWholeBurstAgainAfterAPause) {
  StartPacer pacer(3, 2s);
  const auto now = StartPacer::Clock::now();
  for (int i = 0; i < 4; ++i) pacer.Take(now);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pacer.Take(now + 1h), 0s) << i;
  EXPECT_EQ(pacer.Take(now + 1h), 2s);
}

TEST(StartPacer, AnIntervalOfZeroPacesNothing) {
  StartPacer pacer(1, 0s);
  const auto now = StartPacer::Clock::now();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pacer.Take(now), 0s);
}

}  // namespace
}  // namespace tarn::queryd
