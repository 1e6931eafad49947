#include "iceberg/manifest.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "iceberg/avro_writer.h"
#include "iceberg/test_inflate.h"

namespace tarn::iceberg {
namespace {

using Json = nlohmann::ordered_json;

std::string AvroText(std::string_view text) {
  std::string out;
  AppendAvroBytes(out, text);
  return out;
}

TEST(DataFile, EncodesTheFieldsInTheOrderOfTheSchema) {
  const DataFile file = {.path = "s3://b/k",
                         .partition = "k",
                         .record_count = 3,
                         .size_bytes = 100,
                         .statistics = {.column_sizes = {{1, 50}, {2, 10}},
                                        .value_counts = {{1, 3}},
                                        .null_value_counts = {},
                                        .lower_bounds = {{1, "l"}},
                                        .upper_bounds = {{1, "uu"}}}};
  EXPECT_EQ(EncodeDataFile(file, {}), std::string("\x00\x10", 2) + "s3://b/k" + "\x0ePARQUET" +
                                          "\x06\xc8\x01" +                                  //
                                          std::string("\x02\x04\x02\x64\x04\x14\x00", 7) +  // 108
                                          std::string("\x02\x02\x02\x06\x00", 5) +          // 109
                                          std::string("\x00", 1) +                          // 110
                                          std::string("\x02\x02\x02\x02l\x00", 6) +         // 125
                                          std::string("\x02\x02\x02\x04uu\x00", 7));        // 128
}

TEST(DataFile, EncodesItsPartition) {
  const PartitionSpec spec = {
      .fields = {{"p", "p", 7, 1000, {.kind = PrimitiveType::Kind::kLong}}}};
  const std::string with = EncodeDataFile({.path = "x", .partition = "p=5/x"}, spec);
  EXPECT_EQ(with, std::string("\x00\x02x\x0ePARQUET\x02\x0a\x00\x00\x00\x00\x00\x00\x00", 20));
}

// The schema in a container file's header, which starts with it.
Json SchemaOf(const std::string& file) {
  constexpr std::string_view kName = "avro.schema";
  size_t at = file.find(kName) + kName.size();
  uint64_t size = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(file[at++]);
    size |= static_cast<uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) break;
  }
  return Json::parse(file.substr(at, size / 2));
}

// "name:id:type" of each field, with those of records in parentheses.
std::string Describe(const Json& type) {
  if (type.is_string()) return type.get<std::string>();
  if (type.is_array()) return Describe(type[1]) + "?";
  if (type["type"] == "array") return "map" + Describe(type["items"]);
  if (type["type"] != "record") return type["type"].get<std::string>();
  std::string text = "(";
  for (const Json& field : type["fields"]) {
    text += (text.size() == 1 ? "" : " ") + field["name"].get<std::string>() + ":" +
            field["field-id"].dump() + ":" + Describe(field["type"]);
  }
  return text + ")";
}

Json TestSchema() { return Json::parse(R"({"type":"struct","schema-id":4,"fields":[]})"); }

std::string Manifest() {
  const Json schema = TestSchema();
  const PartitionSpec spec = {
      .spec_id = 3, .fields = {{"p", "p", 7, 1000, {.kind = PrimitiveType::Kind::kLong}}}};
  const std::vector<std::string> files = {
      EncodeDataFile({.path = "x", .partition = "p=5/x"}, spec)};
  return WriteManifest({schema, spec, 77, 5, files});
}

// https://iceberg.apache.org/spec/#manifests
TEST(Manifest, HasTheFieldIdsOfTheSpecification) {
  EXPECT_EQ(Describe(SchemaOf(Manifest())),
            "(status:0:int snapshot_id:1:long? sequence_number:3:long? "
            "file_sequence_number:4:long? data_file:2:(content:134:int file_path:100:string "
            "file_format:101:string partition:102:(p:1000:long?) record_count:103:long "
            "file_size_in_bytes:104:long column_sizes:108:map(key:117:int value:118:long)? "
            "value_counts:109:map(key:119:int value:120:long)? "
            "null_value_counts:110:map(key:121:int value:122:long)? "
            "lower_bounds:125:map(key:126:int value:127:bytes)? "
            "upper_bounds:128:map(key:129:int value:130:bytes)?))");
}

TEST(Manifest, HasTheMetadataOfTheSpecification) {
  const std::string file = Manifest();
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"schema", TestSchema().dump()},
           {"schema-id", "4"},
           {"partition-spec",
            R"([{"source-id":7,"field-id":1000,"name":"p","transform":"identity"}])"},
           {"partition-spec-id", "3"},
           {"format-version", "2"},
           {"content", "data"},
           {"avro.codec", "deflate"}}) {
    EXPECT_NE(file.find(AvroText(key) + AvroText(value)), std::string::npos) << key;
  }
}

TEST(Manifest, HasAnEntryForEachFile) {
  const std::string file = Manifest();
  const size_t begin = file.find(file.substr(file.size() - 16)) + 16;
  // A block of one record: its number, its size, the record and a sync marker.
  const std::string block = file.substr(begin, file.size() - 16 - begin);
  EXPECT_EQ(block.substr(0, 1), "\x02");
  EXPECT_EQ(Inflated(std::string_view(block).substr(2), 1000),
            std::string("\x02\x02\x9a\x01\x02\x0a\x02\x0a", 8) +
                EncodeDataFile({.path = "x", .partition = "p=5/x"},
                               {.fields = {{"p", "p", 7, 1000, {PrimitiveType::Kind::kLong}}}}));
}

// https://iceberg.apache.org/spec/#manifest-lists
TEST(ManifestList, HasOneManifest) {
  const std::string file = WriteManifestList({.manifest_path = "m",
                                              .manifest_length = 64,
                                              .spec_id = 3,
                                              .snapshot_id = 77,
                                              .parent_snapshot_id = 70,
                                              .sequence_number = 5,
                                              .file_count = 2,
                                              .row_count = 1000});
  EXPECT_EQ(Describe(SchemaOf(file)),
            "(manifest_path:500:string manifest_length:501:long partition_spec_id:502:int "
            "content:517:int sequence_number:515:long min_sequence_number:516:long "
            "added_snapshot_id:503:long added_files_count:504:int existing_files_count:505:int "
            "deleted_files_count:506:int added_rows_count:512:long existing_rows_count:513:long "
            "deleted_rows_count:514:long)");
  const std::string entry("\x02m\x80\x01\x06\x00\x0a\x0a\x9a\x01\x04\x00\x00\xd0\x0f\x00\x00", 17);
  // A block of one record in 17 bytes, between two sync markers.
  EXPECT_EQ(file.substr(file.size() - 16 - 17 - 2, 19), "\x02\x22" + entry);
  EXPECT_NE(file.find(AvroText("parent-snapshot-id") + AvroText("70")), std::string::npos);
  EXPECT_NE(file.find(AvroText("snapshot-id") + AvroText("77")), std::string::npos);
  EXPECT_NE(file.find(AvroText("sequence-number") + AvroText("5")), std::string::npos);
}

TEST(ManifestList, HasNoParentAtFirst) {
  const std::string file = WriteManifestList({.manifest_path = "m"});
  EXPECT_NE(file.find(AvroText("parent-snapshot-id") + AvroText("null")), std::string::npos);
}

}  // namespace
}  // namespace tarn::iceberg
