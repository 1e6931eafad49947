#include "iceberg/partition_spec.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tarn::iceberg {
namespace {

using Json = nlohmann::ordered_json;

PartitionSpec TestSpec() {
  return {.spec_id = 0,
          .fields = {{"day", "day", 7, 1000, {.kind = PrimitiveType::Kind::kDate}},
                     {"hour", "hour", 8, 1001, {.kind = PrimitiveType::Kind::kLong}},
                     {"Land-1", "Land-1", 9, 1002, {.kind = PrimitiveType::Kind::kString}}}};
}

TEST(PartitionSpec, WritesFields) {
  EXPECT_EQ(PartitionFieldsJson(TestSpec()), Json::parse(R"([
    {"source-id":7,"field-id":1000,"name":"day","transform":"identity"},
    {"source-id":8,"field-id":1001,"name":"hour","transform":"identity"},
    {"source-id":9,"field-id":1002,"name":"Land-1","transform":"identity"}])"));
  EXPECT_EQ(PartitionFieldsJson({}), Json::array());
}

TEST(PartitionSpec, WritesTheAvroSchema) {
  EXPECT_EQ(PartitionRecordSchema(TestSpec()),
            Json::parse(R"({"type":"record","name":"r102","fields":[
    {"name":"day","type":["null",{"type":"int","logicalType":"date"}],"default":null,
     "field-id":1000},
    {"name":"hour","type":["null","long"],"default":null,"field-id":1001},
    {"name":"Land_x2D1","type":["null","string"],"default":null,"field-id":1002}]})"));
  EXPECT_EQ(PartitionRecordSchema({}),
            Json::parse(R"({"type":"record","name":"r102","fields":[]})"));
}

std::string Record(std::string_view path) {
  std::string out;
  AppendPartitionRecord(out, TestSpec(), path);
  return out;
}

TEST(PartitionSpec, WritesTypedValues) {
  // Two days after 1970-01-01, and one day before.
  EXPECT_EQ(Record("day=1970-01-03/hour=0/Land-1=a%20b/x.parquet"),
            std::string("\x02\x04\x02\x00\x02\x06"
                        "a b",
                        9));
  EXPECT_EQ(Record("day=1969-12-31/hour=-7/Land-1=/x.parquet"),
            std::string("\x02\x01\x02\x0d\x02\x00", 6));
}

TEST(PartitionSpec, WritesNulls) {
  EXPECT_EQ(Record("day=__HIVE_DEFAULT_PARTITION__/hour=__HIVE_DEFAULT_PARTITION__/"
                   "Land-1=__HIVE_DEFAULT_PARTITION__/x.parquet"),
            std::string("\x00\x00\x00", 3));
}

TEST(PartitionSpec, HasTheTypesOfTheCatalogue) {
  const auto type = [](const char* name) { return TypeText(PartitionType({.type = name})); };
  EXPECT_EQ(type("DATE"), "date");
  EXPECT_EQ(type("BIGINT"), "long");
  EXPECT_EQ(type("VARCHAR"), "string");
}

TEST(AvroName, ReplacesCharactersThatAvroDoesNotAllow) {
  EXPECT_EQ(AvroName("a_1"), "a_1");
  EXPECT_EQ(AvroName("1a"), "_1a");
  EXPECT_EQ(AvroName("a b"), "a_x20b");
  EXPECT_EQ(AvroName("größe"), "gr_xF6_xDFe");
}

}  // namespace
}  // namespace tarn::iceberg
