#include "engine/plan_cache.h"

#include <gtest/gtest.h>

namespace tarn::engine {
namespace {

class PlanCacheTest : public testing::Test {
 protected:
  duck::Connection connection = *duck::Database::Open({})->Connect();

  Plan Make(uint64_t generation) {
    return {.verdict = {.sql = "SELECT 1"},
            .statement = std::move(*connection.Prepare("SELECT 1")),
            .generation = generation};
  }
};

TEST_F(PlanCacheTest, FindsWhatWasKeptByItsText) {
  PlanCache cache(2);
  EXPECT_EQ(cache.Find("a", 0), nullptr);
  const Plan& kept = cache.Keep("a", Make(0));
  EXPECT_EQ(cache.Find("a", 0), &kept);
  EXPECT_EQ(cache.Find("A", 0), nullptr);
  EXPECT_EQ(cache.Find("a ", 0), nullptr);
}

TEST_F(PlanCacheTest, TheOneThatWasUsedLeastLatelyGoes) {
  PlanCache cache(2);
  cache.Keep("a", Make(0));
  cache.Keep("b", Make(0));
  EXPECT_NE(cache.Find("a", 0), nullptr);
  const Plan& c = cache.Keep("c", Make(0));
  EXPECT_EQ(cache.Find("b", 0), nullptr);
  EXPECT_NE(cache.Find("a", 0), nullptr);
  EXPECT_EQ(cache.Find("c", 0), &c);
}

TEST_F(PlanCacheTest, AnotherGenerationIsNotFoundAgain) {
  PlanCache cache(2);
  cache.Keep("a", Make(1));
  EXPECT_NE(cache.Find("a", 1), nullptr);
  EXPECT_EQ(cache.Find("a", 2), nullptr);
  EXPECT_EQ(cache.Find("a", 1), nullptr) << "it is gone";
}

TEST_F(PlanCacheTest, KeepReplacesAndForgetRemoves) {
  PlanCache cache(2);
  cache.Keep("a", Make(0));
  cache.Keep("a", Make(7));
  EXPECT_EQ(cache.Find("a", 7)->generation, 7U);
  cache.Keep("b", Make(7));
  EXPECT_NE(cache.Find("a", 7), nullptr) << "the same text takes one place";
  cache.Forget("a");
  cache.Forget("never");
  EXPECT_EQ(cache.Find("a", 7), nullptr);
  EXPECT_NE(cache.Find("b", 7), nullptr);
}

TEST_F(PlanCacheTest, WithoutPlacesAPlanLivesForItsRunOnly) {
  PlanCache cache(0);
  Plan& plan = cache.Keep("a", Make(0));
  EXPECT_TRUE(plan.statement->Execute().ok());
  EXPECT_EQ(cache.Find("a", 0), nullptr);
}

}  // namespace
}  // namespace tarn::engine
