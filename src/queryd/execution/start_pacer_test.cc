#include "queryd/execution/start_pacer.h"

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

TEST(StartBudget, KeepsAStartForAnEngineWhenAnotherHasUsedAllUp) {
  StartBudget budget(3, 2s);
  StartPacer bad = budget.MakeReserve();
  StartPacer good = budget.MakeReserve();
  const auto now = StartPacer::Clock::now();
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(budget.Take(bad, now), 0s) << "the burst, and its own: " << i;
  EXPECT_EQ(budget.Take(bad, now), 2s);
  EXPECT_EQ(budget.Take(bad, now), 4s);
  EXPECT_EQ(budget.Take(good, now), 0s);
  EXPECT_GT(budget.Take(good, now), 0s) << "its own start is used up too";
}

TEST(StartBudget, AnEngineThatKeepsEndingHasOneExtraStartForEachBurst) {
  StartBudget budget(5, 2s);
  StartPacer bad = budget.MakeReserve();
  const auto begin = StartPacer::Clock::now();
  int starts = 0;
  for (auto now = begin; now < begin + 100s; ++starts) now += budget.Take(bad, now);
  // From the shared budget: 5, and one each 2 s. From its own: one each 10 s.
  EXPECT_NEAR(starts, 5 + 50 + 10, 2);
}

}  // namespace
}  // namespace tarn::queryd
