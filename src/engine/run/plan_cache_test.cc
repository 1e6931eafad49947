#include "engine/run/plan_cache.h"

#include <gtest/gtest.h>

namespace tarn::engine {
namespace {

class PlanCacheTest : public testing::Test {
 protected:
  duck::Connection connection = *duck::Database::Open({})->Connect();

  Plan Make() {
    return {.verdict = {.sql = "SELECT 1"},
            .statement = std::move(*connection.Prepare("SELECT 1"))};
  }
};

TEST_F(PlanCacheTest, FindsPlansByText) {
  PlanCache cache(2);
  EXPECT_EQ(cache.Find("a"), nullptr);
  const Plan& kept = cache.Keep("a", Make());
  EXPECT_EQ(cache.Find("a"), &kept);
  EXPECT_EQ(cache.Find("A"), nullptr);
  EXPECT_EQ(cache.Find("a "), nullptr);
}

TEST_F(PlanCacheTest, EvictsTheLeastRecentlyUsedPlan) {
  PlanCache cache(2);
  cache.Keep("a", Make());
  cache.Keep("b", Make());
  EXPECT_NE(cache.Find("a"), nullptr);
  const Plan& c = cache.Keep("c", Make());
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("c"), &c);
}

TEST_F(PlanCacheTest, KeepReplacesAndForgetRemoves) {
  PlanCache cache(2);
  cache.Keep("a", Make());
  Plan later = Make();
  later.verdict.sql = "SELECT 2";
  cache.Keep("a", std::move(later));
  EXPECT_EQ(cache.Find("a")->verdict.sql, "SELECT 2");
  cache.Keep("b", Make());
  EXPECT_NE(cache.Find("a"), nullptr) << "the same text takes one place";
  cache.Forget("a");
  cache.Forget("never");
  EXPECT_EQ(cache.Find("a"), nullptr);
  EXPECT_NE(cache.Find("b"), nullptr);
}

TEST_F(PlanCacheTest, WithSizeZeroAPlanLivesForOneRun) {
  PlanCache cache(0);
  Plan& plan = cache.Keep("a", Make());
  EXPECT_TRUE(plan.statement->Execute().ok());
  EXPECT_EQ(cache.Find("a"), nullptr);
}

}  // namespace
}  // namespace tarn::engine
