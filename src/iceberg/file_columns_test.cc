#include "iceberg/file_columns.h"

#include <gtest/gtest.h>

#include "iceberg/test_schema.h"

namespace tarn::iceberg {
namespace {

using parquet::LogicalType;

constexpr auto kList = LogicalType::Kind::kList;
constexpr auto kMap = LogicalType::Kind::kMap;

// "name:type", with fields in braces, elements in brackets, pairs in angle brackets, and "!" at a
// problem.
std::string Describe(const FileField& field) {
  std::string text = field.name + (field.problem.empty() ? ":" : "!");
  if (field.kind == FileField::Kind::kLeaf) {
    return text + (field.type ? TypeText(*field.type) : "") + "@" + std::to_string(field.leaf);
  }
  const char* brackets = field.kind == FileField::Kind::kStruct ? "{}"
                         : field.kind == FileField::Kind::kList ? "[]"
                                                                : "<>";
  text += brackets[0];
  for (const FileField& child : field.children) {
    if (&child != field.children.data()) text += ',';
    text += Describe(child);
  }
  return text + brackets[1];
}

std::string Describe(const Elements& schema) {
  std::string text;
  for (const FileField& column : ReadFileColumns(schema)) {
    text += (text.empty() ? "" : " ") + Describe(column);
  }
  return text;
}

TEST(FileColumns, ReadsStructsListsAndMaps) {
  EXPECT_EQ(Describe({ParquetInt("a"), ParquetGroup("s", 2), ParquetInt("x"), ParquetText("y"),
                      ParquetInt("b")}),
            "a:int@0 s:{x:int@1,y:string@2} b:int@3");
  EXPECT_EQ(Describe({ParquetGroup("l", 1, kList), Repeated("list", 1), ParquetInt("element"),
                      ParquetInt("b")}),
            "l:[element:int@0] b:int@1");
  EXPECT_EQ(Describe({ParquetGroup("m", 1, kMap), Repeated("key_value", 2), ParquetText("key"),
                      ParquetInt("value")}),
            "m:<key:string@0,value:int@1>");
  EXPECT_EQ(
      Describe({ParquetGroup("l", 1, kList), Repeated("list", 1), ParquetGroup("element", 1, kList),
                Repeated("list", 1), ParquetGroup("element", 2), ParquetInt("x"), ParquetInt("y")}),
      "l:[element:[element:{x:int@0,y:int@1}]]");
  // The names inside are those of Hive and of old versions of pyarrow.
  EXPECT_EQ(
      Describe({ParquetGroup("l", 1, kList), Repeated("bag", 1), ParquetInt("array_element")}),
      "l:[array_element:int@0]");
}

TEST(FileColumns, KeepsTheNameOfTheGroupAroundAnElement) {
  const auto columns = ReadFileColumns(
      {ParquetGroup("l", 1, kList), Repeated("bag", 1), ParquetInt("array_element")});
  EXPECT_EQ(columns.at(0).children.at(0).repeated_name, "bag");
}

TEST(FileColumns, HidesOldLists) {
  auto repeated = ParquetInt("array");
  repeated.repetition = parquet::Repetition::kRepeated;
  EXPECT_EQ(Describe({ParquetGroup("l", 1, kList), repeated, ParquetInt("b")}),
            "l![array:int@0] b:int@1");
  EXPECT_EQ(Describe({repeated}), "array![array:int@0]");
  EXPECT_EQ(Describe({ParquetGroup("l", 1, kList), Repeated("array", 1), ParquetInt("x")}),
            "l![array:{x:int@0}]");
  EXPECT_EQ(Describe({ParquetGroup("l", 1, kList), Repeated("l_tuple", 1), ParquetInt("x")}),
            "l![l_tuple:{x:int@0}]");
  EXPECT_EQ(Describe({ParquetGroup("l", 1, kList), Repeated("list", 2), ParquetInt("x"),
                      ParquetInt("y")}),
            "l![list:{x:int@0,y:int@1}]");
  EXPECT_EQ(Describe({ParquetGroup("l", 1, kList), ParquetInt("x")}), "l!{x:int@0}");
}

TEST(FileColumns, HidesMapsWithoutPairs) {
  EXPECT_EQ(Describe({ParquetGroup("m", 1, kMap), Repeated("key_value", 1), ParquetText("key")}),
            "m!{key_value![key_value:{key:string@0}]}");
  EXPECT_EQ(Describe({ParquetGroup("m", 1, kMap), ParquetInt("x")}), "m!{x:int@0}");
}

TEST(FileColumns, HidesMapsWithOtherNames) {
  const auto map = [](const char* pair, const char* key, const char* value) {
    return Describe(
        {ParquetGroup("m", 1, kMap), Repeated(pair, 2), ParquetText(key), ParquetInt(value)});
  };
  EXPECT_EQ(map("key_value", "key", "value"), "m:<key:string@0,value:int@1>");
  EXPECT_EQ(map("map", "key", "value"), "m!<key:string@0,value:int@1>");
  EXPECT_EQ(map("key_value", "k", "value"), "m!<k:string@0,value:int@1>");
  EXPECT_EQ(map("key_value", "key", "v"), "m!<key:string@0,v:int@1>");
}

TEST(FileColumns, HidesGroupsOfOtherTypes) {
  EXPECT_EQ(Describe({ParquetGroup("v", 1, LogicalType::Kind::kVariant), ParquetInt("metadata")}),
            "v!{metadata:int@0}");
}

TEST(FileColumns, KeepsTheProblemOfALeaf) {
  const auto columns = ReadFileColumns(
      {ParquetLeaf("t", parquet::PhysicalType::kInt32, {.kind = LogicalType::Kind::kTime})});
  ASSERT_EQ(columns.size(), 1U);
  EXPECT_EQ(columns[0].type, std::nullopt);
  EXPECT_EQ(columns[0].problem, "Spark refuses tables with a TIME");
}

}  // namespace
}  // namespace tarn::iceberg
