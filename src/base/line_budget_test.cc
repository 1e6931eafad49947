#include "base/line_budget.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

using namespace std::chrono_literals;

TEST(LineBudget, AllowsTheLinesOfOneSecondAndCountsTheOthers) {
  LineBudget budget(3);
  const auto start = LineBudget::Clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.Take("alice", "query", start));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(budget.Take("alice", "query", start));
  EXPECT_FALSE(budget.Take("alice", "query", start + 200ms));
  EXPECT_TRUE(budget.Take("alice", "query", start + 500ms));
  EXPECT_FALSE(budget.Take("alice", "query", start + 500ms));
  // After a long pause there are again the lines of one second, not more.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.Take("alice", "query", start + 60s));
  EXPECT_FALSE(budget.Take("alice", "query", start + 60s));

  const auto left_out = budget.TakeLeftOut();
  ASSERT_EQ(left_out.size(), 1U);
  EXPECT_EQ(left_out[0].client, "alice");
  EXPECT_EQ(left_out[0].message, "query");
  EXPECT_EQ(left_out[0].lines, 8U);
  EXPECT_TRUE(budget.TakeLeftOut().empty());
}

TEST(LineBudget, GivesEachClientAndMessageItsOwn) {
  LineBudget budget(1);
  const auto now = LineBudget::Clock::now();
  EXPECT_TRUE(budget.Take("alice", "query", now));
  EXPECT_FALSE(budget.Take("alice", "query", now));
  EXPECT_TRUE(budget.Take("alice", "query failed", now)) << "many successes hide no failure";
  EXPECT_TRUE(budget.Take("bob", "query", now));
}

TEST(LineBudget, LeavesNothingOutWithoutALimit) {
  LineBudget budget(0);
  const auto now = LineBudget::Clock::now();
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(budget.Take("alice", "query", now));
  EXPECT_TRUE(budget.TakeLeftOut().empty());
}

TEST(LineBudget, LetsClientsBeyondTheLimitShareOne) {
  LineBudget budget(1);
  const auto now = LineBudget::Clock::now();
  for (size_t i = 0; i <= LineBudget::kBudgetsMax; ++i) {
    EXPECT_TRUE(budget.Take(std::to_string(i), "query", now));
  }
  EXPECT_TRUE(budget.Take("late", "query", now));
  EXPECT_FALSE(budget.Take("later", "query", now));
  EXPECT_EQ(budget.TakeLeftOut().at(0).client, "");
  // A second later, the budgets of clients with one line have been dropped.
  EXPECT_TRUE(budget.Take("late", "query", now + 2s));
  EXPECT_TRUE(budget.Take("later", "query", now + 2s));
}

}  // namespace
}  // namespace tarn
