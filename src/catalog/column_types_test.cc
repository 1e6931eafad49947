#include "catalog/column_types.h"

#include <gtest/gtest.h>

namespace tarn::catalog {
namespace {

TEST(IncompatibleChanges, NamesColumnsWithBothTypes) {
  const std::vector<Column> before = {{"id", "INTEGER"}, {"Name", "VARCHAR"}, {"gone", "DATE"}};
  const auto changes =
      IncompatibleChanges(before, {{"new", "DATE"}, {"name", "DATE"}, {"ID", "BIGINT"}});
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].column, "name");
  EXPECT_EQ(changes[0].before, "VARCHAR");
  EXPECT_EQ(changes[0].after, "DATE");
  EXPECT_TRUE(IncompatibleChanges(before, before).empty());
}

}  // namespace
}  // namespace tarn::catalog
