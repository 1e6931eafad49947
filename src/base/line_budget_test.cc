#include "base/line_budget.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

using namespace std::chrono_literals;

TEST(LineBudget, WritesTheLinesOfOneSecondThenSuppressesAndCounts) {
  LineBudget budget(3);
  const auto start = LineBudget::Clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(budget.Take("alice", start), 0U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(budget.Take("alice", start), std::nullopt);
  EXPECT_EQ(budget.Take("alice", start + 200ms), std::nullopt);
  EXPECT_EQ(budget.Take("alice", start + 500ms), 6U);
  EXPECT_EQ(budget.Take("alice", start + 500ms), std::nullopt);
  // After a long pause there are again the lines of one second, not more.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(budget.Take("alice", start + 60s), i == 0 ? 1U : 0U);
  EXPECT_EQ(budget.Take("alice", start + 60s), std::nullopt);
}

TEST(LineBudget, GivesEachClientItsOwn) {
  LineBudget budget(1);
  const auto now = LineBudget::Clock::now();
  EXPECT_EQ(budget.Take("alice", now), 0U);
  EXPECT_EQ(budget.Take("alice", now), std::nullopt);
  EXPECT_EQ(budget.Take("bob", now), 0U);
}

TEST(LineBudget, SuppressesNothingWithoutALimit) {
  LineBudget budget(0);
  const auto now = LineBudget::Clock::now();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(budget.Take("alice", now), 0U);
}

TEST(LineBudget, LetsClientsBeyondTheLimitShareOne) {
  LineBudget budget(1);
  const auto now = LineBudget::Clock::now();
  for (size_t i = 0; i <= LineBudget::kClientsMax; ++i) {
    EXPECT_EQ(budget.Take(std::to_string(i), now), 0U);
  }
  EXPECT_EQ(budget.Take("late", now), 0U);
  EXPECT_EQ(budget.Take("later", now), std::nullopt);
  // A second later the clients that came once have left.
  EXPECT_EQ(budget.Take("late", now + 2s), 0U);
  EXPECT_EQ(budget.Take("later", now + 2s), 0U);
}

}  // namespace
}  // namespace tarn
