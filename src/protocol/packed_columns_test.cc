#include <gtest/gtest.h>

#include <stdexcept>

#include "protocol/messages.h"

namespace tarn::protocol {
namespace {

TEST(PackedColumns, ReadsTheColumnsOfAPackedSchema) {
  DatasetSchema schema{.columns = {{"id", "INTEGER"}, {":", ""}, {"day", "DATE"}}};
  schema.groups = {{.objects = {0, 1}, .columns = {{"id", "INTEGER"}}}};
  schema.partitions = {{"day", "DATE", "day"}};
  const PackedColumns columns(PackSchema(schema));
  ASSERT_EQ(columns.size(), 3U);
  for (size_t i = 0; i < columns.size(); ++i) {
    EXPECT_EQ(columns.Name(i), schema.columns[i].name);
    EXPECT_EQ(columns.Type(i), schema.columns[i].type);
  }
}

TEST(PackedColumns, HasNoColumnsOfAnEmptySchema) {
  EXPECT_EQ(PackedColumns(PackSchema({})).size(), 0U);
}

TEST(PackedColumns, RejectsAnotherText) {
  EXPECT_THROW(PackedColumns("no schema"), std::invalid_argument);
}

}  // namespace
}  // namespace tarn::protocol
