#include "queryd/datasets/schema_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::queryd {
namespace {

using testing::HasSubstr;

TEST(SchemaBudget, LimitsEachDataset) {
  SchemaBudget budget({.dataset_bytes = 10});
  EXPECT_TRUE(budget.Take("a", "", 10).ok());
  const Result<> refused = budget.Take("b", "", 11);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("take 11 bytes, at most 10 are allowed "
                                                 "(queryd.schema_bytes_max)"));
  EXPECT_EQ(budget.bytes(), 10U);
}

TEST(SchemaBudget, LimitsAllDatasetsTogether) {
  SchemaBudget budget({.total_bytes = 100});
  EXPECT_TRUE(budget.Take("a", "", 60).ok());
  EXPECT_TRUE(budget.Take("b", "", 40).ok());
  const Result<> refused = budget.Take("c", "", 1);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("queryd.schemas_bytes_max"));
  budget.Release("a");
  budget.Release("a");
  EXPECT_EQ(budget.bytes(), 40U);
  EXPECT_TRUE(budget.Take("c", "", 60).ok());
  EXPECT_FALSE(budget.Take("d", "", UINT64_MAX).ok());
}

TEST(SchemaBudget, LeavesHalfToOtherTokens) {
  SchemaBudget budget({.total_bytes = 100});
  EXPECT_TRUE(budget.Take("a", "red", 30).ok());
  EXPECT_TRUE(budget.Take("b", "red", 20).ok());
  const Result<> refused = budget.Take("c", "red", 1);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("token \"red\""));
  EXPECT_TRUE(budget.Take("c", "blue", 50).ok());
}

TEST(SchemaBudget, CountsAReplacedDatasetOnce) {
  SchemaBudget budget({.total_bytes = 100});
  EXPECT_TRUE(budget.Take("a", "red", 50).ok());
  EXPECT_TRUE(budget.Take("a", "red", 40).ok());
  EXPECT_EQ(budget.bytes(), 40U);
  EXPECT_FALSE(budget.Take("a", "red", 60).ok());
  EXPECT_EQ(budget.bytes(), 40U) << "the former one stays";
  EXPECT_TRUE(budget.Take("b", "red", 10).ok());
  EXPECT_FALSE(budget.Take("c", "red", 1).ok());
  // The dataset belongs to the token that changed it last.
  EXPECT_TRUE(budget.Take("a", "blue", 40).ok());
  EXPECT_TRUE(budget.Take("c", "red", 20).ok());
  EXPECT_FALSE(budget.Take("d", "blue", 11).ok());
}

}  // namespace
}  // namespace tarn::queryd
