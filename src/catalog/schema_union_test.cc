#include "catalog/schema_union.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::catalog {
namespace {

using testing::ElementsAre;
using Columns = SchemaUnion::Columns;

std::shared_ptr<const Columns> Shared(Columns columns) {
  return std::make_shared<const Columns>(std::move(columns));
}

// The union of these objects with the keys "0", "1", …
SchemaUnion UnionOf(const std::vector<Columns>& objects) {
  SchemaUnion schema;
  for (size_t i = 0; i < objects.size(); ++i) {
    EXPECT_TRUE(schema.Add(std::to_string(i), Shared(objects[i])).ok());
  }
  return schema;
}

std::string ConflictOf(const std::vector<Columns>& objects) {
  SchemaUnion schema;
  for (size_t i = 0; i < objects.size(); ++i) {
    const Result<> added = schema.Add(std::to_string(i), Shared(objects[i]));
    if (added.ok()) continue;
    EXPECT_EQ(added.error().kind, ErrorKind::kConflict);
    EXPECT_EQ(i + 1, objects.size());
    return added.error().message;
  }
  return "";
}

TEST(SchemaUnion, HasNoGroupsForEqualObjects) {
  const auto columns = Shared({{"id", "INTEGER"}, {"name", "VARCHAR"}});
  SchemaUnion schema;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(schema.Add(std::to_string(i), columns).ok());
  EXPECT_TRUE(schema.Add("x", Shared({{"name", "VARCHAR"}, {"ID", "INTEGER"}})).ok());
  EXPECT_EQ(schema.DatasetColumns(), *columns);
  EXPECT_TRUE(schema.Groups().empty());
}

TEST(SchemaUnion, ReadsAnUntypedColumnAsInteger) {
  const SchemaUnion schema =
      UnionOf({{{"v", "\"NULL\""}, {"l", "\"NULL\"[]"}}, {{"v", "\"NULL\""}, {"l", "\"NULL\"[]"}}});
  EXPECT_EQ(schema.DatasetColumns(), (Columns{{"v", "INTEGER"}, {"l", "INTEGER[]"}}));
  EXPECT_TRUE(schema.Groups().empty());
}

TEST(SchemaUnion, ReadsMissingColumnsInOneGroup) {
  const SchemaUnion schema =
      UnionOf({{{"id", "INTEGER"}}, {{"new", "DATE"}, {"id", "INTEGER"}}, {{"new", "DATE"}}});
  const Columns all = {{"id", "INTEGER"}, {"new", "DATE"}};
  EXPECT_EQ(schema.DatasetColumns(), all);
  const auto groups = schema.Groups();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_THAT(groups[0].objects, ElementsAre(0, 1, 2));
  EXPECT_EQ(groups[0].columns, all);
}

TEST(SchemaUnion, GroupsObjectsByTypes) {
  const SchemaUnion schema = UnionOf({{{"v", "INTEGER"}, {"s", "STRUCT(a FLOAT)"}},
                                      {{"v", "BIGINT"}, {"s", "STRUCT(a DOUBLE, b DATE)"}},
                                      {{"v", "INTEGER"}, {"s", "STRUCT(a FLOAT)"}},
                                      {{"x", "DATE"}}});
  EXPECT_EQ(schema.DatasetColumns(),
            (Columns{{"v", "BIGINT"}, {"s", "STRUCT(a DOUBLE, b DATE)"}, {"x", "DATE"}}));
  const auto groups = schema.Groups();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_THAT(groups[0].objects, ElementsAre(0, 2));
  EXPECT_EQ(groups[0].columns,
            (Columns{{"v", "INTEGER"}, {"s", "STRUCT(a FLOAT, b DATE)"}, {"x", "DATE"}}));
  EXPECT_THAT(groups[1].objects, ElementsAre(1, 3));
  EXPECT_EQ(groups[1].columns, schema.DatasetColumns());
}

TEST(SchemaUnion, KeepsUntypedPartsOfGroups) {
  const SchemaUnion schema = UnionOf(
      {{{"v", "\"NULL\""}, {"l", "\"NULL\"[]"}}, {{"v", "DATE"}, {"l", "STRUCT(a DATE)[]"}}});
  EXPECT_EQ(schema.DatasetColumns(), (Columns{{"v", "DATE"}, {"l", "STRUCT(a DATE)[]"}}));
  const auto groups = schema.Groups();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].columns, (Columns{{"v", "\"NULL\""}, {"l", "\"NULL\"[]"}}));
}

TEST(SchemaUnion, ReportsBothTypesAndObjectsOfAConflict) {
  EXPECT_EQ(ConflictOf({{{"id", "INTEGER"}}, {{"ID", "VARCHAR"}}}),
            "column \"id\" is INTEGER in \"0\" and VARCHAR in \"1\": no type holds both");
  EXPECT_EQ(ConflictOf({{{"s", "STRUCT(a INTEGER)"}},
                        {{"s", "STRUCT(a BIGINT)"}},
                        {{"s", "STRUCT(a VARCHAR)"}}}),
            "column \"s.a\" is INTEGER in \"0\" and VARCHAR in \"2\": no type holds both");
  // BIGINT, the common type of the first two objects, is the type of neither.
  EXPECT_EQ(ConflictOf({{{"v", "UINTEGER"}}, {{"v", "INTEGER"}}, {{"v", "DATE"}}}),
            "column \"v\" is UINTEGER in \"0\" and DATE in \"2\": no type holds both");
  std::string wide = "STRUCT(a INTEGER";
  for (int i = 0; i < 1000; ++i) wide += ", \"ä" + std::to_string(i) + "\" DATE";
  const std::string message = ConflictOf({{{"s", wide + ")"}}, {{"s", "DATE"}}});
  EXPECT_LT(message.size(), 400U);
  EXPECT_THAT(message, testing::HasSubstr("… in \"0\" and DATE in"));
}

}  // namespace
}  // namespace tarn::catalog
