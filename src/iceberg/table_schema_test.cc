#include "iceberg/table_schema.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "iceberg/test_schema.h"

namespace tarn::iceberg {
namespace {

using parquet::LogicalType;
using parquet::PhysicalType;
using Json = nlohmann::ordered_json;

parquet::SchemaElement ParquetTime(std::string name) {
  return ParquetLeaf(std::move(name), PhysicalType::kInt32, {.kind = LogicalType::Kind::kTime});
}

// The union of files; expects no error.
TableSchema UnionOf(const std::vector<Elements>& files, FieldIds ids = {}) {
  TableSchema schema;
  for (const Elements& file : files) {
    const auto added = schema.Add("key", ReadFileColumns(file));
    EXPECT_TRUE(added.ok()) << added.error().message;
  }
  EXPECT_TRUE(schema.AssignIds(ids).ok());
  return schema;
}

std::string ErrorOf(const std::vector<Elements>& files) {
  TableSchema schema;
  for (const Elements& file : files) {
    const auto added = schema.Add("a.parquet", ReadFileColumns(file));
    if (!added.ok()) return added.error().message;
  }
  return "";
}

// "name:type" of each visible column.
std::string Columns(const TableSchema& schema) {
  std::string text;
  for (const Json& field : schema.FieldsJson()) {
    const Json& type = field["type"];
    text += (text.empty() ? "" : " ") + field["name"].get<std::string>() + ":" +
            (type.is_string() ? type.get<std::string>() : type["type"].get<std::string>());
  }
  return text;
}

TEST(TableSchema, WritesFieldsAsTheSpecificationDoes) {
  const TableSchema schema =
      UnionOf({{ParquetInt("a"), ParquetGroup("s", 1), ParquetText("x"),
                ParquetGroup("l", 1, LogicalType::Kind::kList), Repeated("list", 1),
                ParquetInt("item"), ParquetGroup("m", 1, LogicalType::Kind::kMap),
                Repeated("key_value", 2), ParquetText("key"), ParquetInt("value")}});
  EXPECT_EQ(schema.FieldsJson(), Json::parse(R"([
    {"id":1,"name":"a","required":false,"type":"int"},
    {"id":2,"name":"s","required":false,"type":{"type":"struct","fields":[
      {"id":3,"name":"x","required":false,"type":"string"}]}},
    {"id":4,"name":"l","required":false,"type":
      {"type":"list","element-id":5,"element-required":false,"element":"int"}},
    {"id":6,"name":"m","required":false,"type":{"type":"map","key-id":7,"key":"string",
      "value-id":8,"value-required":false,"value":"int"}}])"));
  EXPECT_EQ(schema.NameMappingJson(), Json::parse(R"([
    {"field-id":1,"names":["a"]},
    {"field-id":2,"names":["s"],"fields":[{"field-id":3,"names":["x"]}]},
    {"field-id":4,"names":["l"],"fields":[{"field-id":5,"names":["element","item","list"]}]},
    {"field-id":6,"names":["m"],"fields":[{"field-id":7,"names":["key"]},
                                          {"field-id":8,"names":["value"]}]}])"));
}

TEST(TableSchema, MapsTheNamesThatListsHaveInFiles) {
  const auto list = [](const char* repeated, const char* element) {
    return Elements{ParquetGroup("l", 1, LogicalType::Kind::kList), Repeated(repeated, 1),
                    ParquetInt(element)};
  };
  EXPECT_EQ(UnionOf({list("list", "element"), list("bag", "array_element")}).NameMappingJson(),
            Json::parse(R"([{"field-id":1,"names":["l"],"fields":[{"field-id":2,
              "names":["array_element","bag","element","item","list"]}]}])"));
}

TEST(TableSchema, MatchesNamesIgnoringCase) {
  const TableSchema schema =
      UnionOf({{ParquetInt("Id"), ParquetText("x")}, {ParquetInt("ID"), ParquetInt("y")}});
  EXPECT_EQ(Columns(schema), "Id:int x:string y:int");
  EXPECT_EQ(schema.NameMappingJson()[0], Json::parse(R"({"field-id":1,"names":["ID","Id"]})"));
}

TEST(TableSchema, RefusesNamesThatDifferOnlyInCaseInOneFile) {
  EXPECT_EQ(ErrorOf({{ParquetInt("id"), ParquetInt("ID")}}),
            "object \"a.parquet\" has two columns or fields with the name \"id\", ignoring case");
  EXPECT_EQ(ErrorOf({{ParquetGroup("s", 2), ParquetInt("x"), ParquetInt("X")}}),
            "object \"a.parquet\" has two columns or fields with the name \"s.x\", ignoring case");
}

TEST(TableSchema, RefusesANameThatIsThePathOfAField) {
  const std::string expected =
      "object \"a.parquet\" has a column whose name is the path of a field, \"s.x\": Iceberg "
      "clients cannot distinguish them";
  const Elements group = {ParquetGroup("s", 1), ParquetInt("x")};
  EXPECT_EQ(ErrorOf({group, {ParquetInt("s.x")}}), expected);
  EXPECT_EQ(ErrorOf({{ParquetInt("s.x")}, group}), expected);
}

TEST(TableSchema, PromotesTypes) {
  const TableSchema schema = UnionOf({{ParquetInt("a")}, {ParquetLeaf("a", PhysicalType::kInt64)}});
  EXPECT_EQ(Columns(schema), "a:long");
  EXPECT_TRUE(schema.has_promotion());
  EXPECT_FALSE(UnionOf({{ParquetInt("a")}, {ParquetInt("a")}}).has_promotion());
}

TEST(TableSchema, HidesColumnsOfSeveralTypesButMapsThem) {
  const TableSchema schema = UnionOf({{ParquetInt("a"), ParquetInt("b")},
                                      {ParquetText("a")},
                                      {ParquetGroup("b", 1), ParquetInt("x")}});
  EXPECT_EQ(Columns(schema), "");
  EXPECT_EQ(schema.HiddenColumns(),
            (std::vector<HiddenColumn>{{"a", "objects have the types int and string"},
                                       {"b", "objects have the types int and struct"}}));
  EXPECT_EQ(schema.NameMappingJson(), Json::parse(R"([
    {"field-id":1,"names":["a"]},
    {"field-id":2,"names":["b"],"fields":[{"field-id":3,"names":["x"]}]}])"));
}

TEST(TableSchema, HidesAColumnWithAFieldThatHasNoType) {
  const TableSchema schema =
      UnionOf({{ParquetGroup("s", 2), ParquetInt("x"), ParquetTime("t"), ParquetInt("a")}});
  EXPECT_EQ(Columns(schema), "a:int");
  EXPECT_EQ(
      schema.HiddenColumns(),
      (std::vector<HiddenColumn>{{"s", "its field \"s.t\": Spark refuses tables with a TIME"}}));
  EXPECT_FALSE(schema.IsVisible(0));
  EXPECT_FALSE(schema.IsVisible(1));
  EXPECT_TRUE(schema.IsVisible(3));
  EXPECT_EQ(schema.FieldsJson()[0]["id"], 4) << "the hidden fields have ids";
}

TEST(TableSchema, HidesAColumnIfOneFileHasNoTypeForIt) {
  EXPECT_EQ(Columns(UnionOf({{ParquetInt("t"), ParquetInt("a")}, {ParquetTime("t")}})), "a:int");
}

TEST(TableSchema, UsesEachNameOfALevelOnce) {
  // A list in one file, and a struct with a field "item" in another.
  const TableSchema schema = UnionOf(
      {{ParquetGroup("l", 1, LogicalType::Kind::kList), Repeated("list", 1), ParquetInt("element")},
       {ParquetGroup("l", 1), ParquetInt("item")}});
  EXPECT_EQ(schema.NameMappingJson(), Json::parse(R"([{"field-id":1,"names":["l"],"fields":[
    {"field-id":2,"names":["element","item","list"]},{"field-id":3,"names":[]}]}])"));
}

TEST(TableSchema, KeepsTheIdsOfEarlierFiles) {
  FieldIds ids;
  for (const char* path : {"gone", "b"}) ASSERT_TRUE(ids.Assign(path).ok());
  EXPECT_EQ(UnionOf({{ParquetInt("a"), ParquetInt("B")}}, ids).FieldsJson(), Json::parse(R"([
    {"id":3,"name":"a","required":false,"type":"int"},
    {"id":2,"name":"B","required":false,"type":"int"}])"));
}

TEST(TableSchema, FindsTheLeavesOfAFile) {
  const Elements first = {ParquetInt("a"), ParquetGroup("s", 1), ParquetInt("x")};
  const Elements second = {ParquetInt("b"), ParquetInt("A")};
  const TableSchema schema = UnionOf({first, second});
  EXPECT_EQ(schema.Leaves(ReadFileColumns(first)), (std::vector<size_t>{0, 2}));
  EXPECT_EQ(schema.Leaves(ReadFileColumns(second)), (std::vector<size_t>{3, 0}));
}

TEST(TableSchema, KnowsTheFieldsInsideListsAndMaps) {
  const TableSchema schema = UnionOf(
      {{ParquetGroup("l", 1, LogicalType::Kind::kList), Repeated("list", 1),
        ParquetGroup("element", 1), ParquetInt("x"), ParquetGroup("s", 1), ParquetInt("y")}});
  std::vector<bool> repeated;
  for (const TableSchema::Field& field : schema.fields()) repeated.push_back(field.is_repeated);
  EXPECT_EQ(repeated, (std::vector<bool>{false, true, true, false, false}));
}

TEST(TableSchema, AddsPartitionsWithoutANameInFiles) {
  TableSchema schema;
  ASSERT_TRUE(schema.Add("key", ReadFileColumns({ParquetInt("Day")})).ok());
  EXPECT_EQ(schema.AddPartition("day", {PrimitiveType::Kind::kDate}), std::nullopt);
  EXPECT_EQ(schema.AddPartition("hour", {PrimitiveType::Kind::kLong}), 1U);
  FieldIds ids;
  ASSERT_TRUE(schema.AssignIds(ids).ok());
  EXPECT_EQ(Columns(schema), "Day:int hour:long");
  EXPECT_EQ(schema.NameMappingJson(), Json::parse(R"([{"field-id":1,"names":["Day"]}])"));
}

}  // namespace
}  // namespace tarn::iceberg
