#include "http/body_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::http {
namespace {

constexpr size_t kUnit = 100 * 1024;

class BodyBudgetTest : public testing::Test {
 protected:
  Metrics metrics;
  BodyBudget budget{4 * kUnit, metrics};
};

TEST_F(BodyBudgetTest, LimitsTheSumOfLargeBodies) {
  BodyBudget::Share a(budget, "");
  BodyBudget::Share b(budget, "");
  EXPECT_TRUE(a.Resize(3 * kUnit));
  EXPECT_FALSE(b.Resize(2 * kUnit));
  EXPECT_TRUE(b.Resize(kUnit));
  EXPECT_FALSE(b.Resize(kUnit + 1));
  EXPECT_TRUE(a.Resize(0));
  EXPECT_TRUE(b.Resize(4 * kUnit));
  EXPECT_THAT(metrics.Render(), testing::HasSubstr("tarn_http_bodies_refused_total 2\n"));
  EXPECT_THAT(metrics.Render(), testing::HasSubstr("tarn_http_body_bytes 409600\n"));
}

TEST_F(BodyBudgetTest, SmallBodiesAreFree) {
  BodyBudget::Share large(budget, "");
  BodyBudget::Share small(budget, "");
  EXPECT_TRUE(large.Resize(4 * kUnit));
  EXPECT_TRUE(small.Resize(BodyBudget::kFreeBytes));
  EXPECT_FALSE(small.Resize(BodyBudget::kFreeBytes + 1));
}

TEST_F(BodyBudgetTest, ATokenHasHalfOfIt) {
  BodyBudget::Share first(budget, "red");
  BodyBudget::Share second(budget, "red");
  BodyBudget::Share other(budget, "blue");
  EXPECT_TRUE(first.Resize(kUnit));
  EXPECT_FALSE(second.Resize(2 * kUnit));
  EXPECT_TRUE(second.Resize(kUnit));
  EXPECT_TRUE(other.Resize(2 * kUnit));
}

TEST_F(BodyBudgetTest, ABodyBeyondTheLimitNeverFits) {
  BodyBudget::Share huge(budget, "red");
  EXPECT_EQ(huge.bytes_max(), 2 * kUnit);
  EXPECT_FALSE(huge.Resize(2 * kUnit + 1));
  EXPECT_TRUE(huge.Resize(2 * kUnit));
  BodyBudget::Share without_token(budget, "");
  EXPECT_EQ(without_token.bytes_max(), 4 * kUnit);
  EXPECT_FALSE(without_token.Resize(4 * kUnit + 1));
  EXPECT_TRUE(without_token.Resize(2 * kUnit));
}

TEST_F(BodyBudgetTest, AResponseThatHasBegunIsCountedAnyway) {
  BodyBudget::Share first(budget, "");
  BodyBudget::Share second(budget, "");
  EXPECT_TRUE(first.Resize(4 * kUnit));
  second.Force(kUnit);
  EXPECT_THAT(metrics.Render(), testing::HasSubstr("tarn_http_body_bytes 512000\n"));
  EXPECT_TRUE(first.Resize(kUnit)) << "shrinking always fits";
}

}  // namespace
}  // namespace tarn::http
