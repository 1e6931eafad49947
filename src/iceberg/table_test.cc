#include "iceberg/table.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "iceberg/avro_writer.h"
#include "iceberg/test_inflate.h"
#include "iceberg/test_schema.h"

namespace tarn::iceberg {
namespace {

using parquet::FooterStatistics;
using parquet::PhysicalType;
using Json = nlohmann::ordered_json;

// A file of three rows; its columns have the values 1 to 2 and a null.
TableFile FileOf(const std::string& key, const Elements& schema) {
  FooterStatistics footer{.row_count = 3, .schema = schema};
  for (const parquet::SchemaElement& element : schema) {
    if (!element.type) continue;
    footer.columns.push_back({.compressed_bytes = 50,
                              .value_count = 3,
                              .null_count = 1,
                              .range = parquet::ValueRange{{0, 1}, {0, 2}}});
  }
  return {.key = key,
          .size_bytes = 100,
          .etag = "e",
          .footer = std::make_shared<const FooterStatistics>(std::move(footer))};
}

TableInput InputOf(std::vector<TableFile> files) {
  return {.dataset = "sales",
          .catalog_id = "cat",
          .version = 4,
          .updated_at = UnixMicros(std::chrono::microseconds(1'700'000'000'123'456)),
          .location = "s3://lake/sales",
          .data_prefix = "s3://lake/",
          .metadata_prefix = "s3://lake/meta/sales/",
          .files = std::move(files)};
}

Table Make(const TableInput& input) {
  auto table = MakeTable(input);
  EXPECT_TRUE(table.ok()) << (table.ok() ? "" : table.error().message);
  return table.ok() ? std::move(*table) : Table{.metadata = "{}"};
}

std::string ErrorOf(const TableInput& input) {
  const auto table = MakeTable(input);
  return table.ok() ? "" : table.error().message;
}

Json MetadataOf(const TableInput& input) { return Json::parse(Make(input).metadata); }

// The input after a table was made.
TableInput Next(TableInput input, const Table& table) {
  input.previous = PreviousTable{table.metadata, table.metadata_location};
  input.field_ids = table.field_ids;
  return input;
}

// The records of the manifest, which is one block.
std::string ManifestRecords(const Table& table) {
  constexpr size_t kSyncBytes = 16;
  const std::string& file = table.objects.at(0).bytes;
  size_t at = file.find(file.substr(file.size() - kSyncBytes)) + kSyncBytes;
  // Skips the count and the size of the block, which are varints.
  for (int i = 0; i < 2; ++i) {
    while (static_cast<uint8_t>(file[at++]) >= 0x80) continue;
  }
  return Inflated(std::string_view(file).substr(at, file.size() - kSyncBytes - at), 10'000);
}

TEST(IcebergTable, MakesTheObjectsOfASnapshot) {
  const TableInput input = InputOf({FileOf("sales/a b.parquet", {ParquetInt("a")})});
  const Table table = Make(input);
  ASSERT_EQ(table.objects.size(), 3U);
  const Json json = Json::parse(table.metadata);
  for (const TableObject& object : table.objects) {
    EXPECT_TRUE(object.uri.starts_with("s3://lake/meta/sales/")) << object.uri;
  }
  EXPECT_EQ(json["snapshots"][0]["manifest-list"], table.objects[1].uri);
  EXPECT_NE(table.objects[1].bytes.find(table.objects[0].uri), std::string::npos);
  EXPECT_EQ(table.objects[2].uri, table.metadata_location);
  EXPECT_EQ(table.objects[2].bytes, table.metadata);
  EXPECT_TRUE(table.metadata_location.starts_with("s3://lake/meta/sales/00004-"));
  EXPECT_TRUE(table.metadata_location.ends_with(".metadata.json"));
}

TEST(IcebergTable, DescribesTheDataset) {
  const Json json = MetadataOf(InputOf({FileOf("sales/a.parquet", {ParquetInt("a")}),
                                        FileOf("sales/b.parquet", {ParquetText("b")})}));
  // Computed with Python's uuid.uuid5.
  EXPECT_EQ(json["table-uuid"], "8b7c6ba6-f457-5787-9de8-073121c3c5f6");
  EXPECT_EQ(json["last-sequence-number"], 4);
  EXPECT_EQ(json["last-updated-ms"], 1'700'000'000'123);
  EXPECT_EQ(json["last-column-id"], 2);
  EXPECT_EQ(json["snapshots"][0]["summary"]["total-records"], "6");
  EXPECT_EQ(json["snapshots"][0]["summary"]["total-files-size"], "200");
  EXPECT_EQ(json["schemas"][0]["fields"].size(), 2U);
  EXPECT_EQ(json["properties"], Json::parse(R"({"schema.name-mapping.default":
    "[{\"field-id\":1,\"names\":[\"a\"]},{\"field-id\":2,\"names\":[\"b\"]}]"})"));
}

TEST(IcebergTable, IsDeterministic) {
  const TableInput input = InputOf({FileOf("a.parquet", {ParquetInt("a")})});
  const Table first = Make(input);
  const Table second = Make(input);
  EXPECT_EQ(first.metadata, second.metadata);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(first.objects[i].uri, second.objects[i].uri);
    EXPECT_EQ(first.objects[i].bytes, second.objects[i].bytes);
  }
}

TEST(IcebergTable, WritesTheStatisticsOfVisibleColumns) {
  // The ids: a 1, l 2, its element 3, hidden 4, s 5.
  const Table table = Make(InputOf({FileOf(
      "a.parquet",
      {ParquetInt("a"), ParquetGroup("l", 1, parquet::LogicalType::Kind::kList),
       Repeated("list", 1), ParquetInt("element"),
       ParquetLeaf("hidden", PhysicalType::kInt32, {.kind = parquet::LogicalType::Kind::kTime}),
       ParquetText("s")})}));
  std::string expected("\x06\xc8\x01", 3);                             // 3 rows, 100 bytes.
  expected += std::string("\x02\x06\x02\x64\x06\x64\x0a\x64\x00", 9);  // Sizes of 1, 3 and 5.
  expected += std::string("\x02\x04\x02\x06\x0a\x06\x00", 7);          // Values of 1 and 5.
  expected += std::string("\x02\x04\x02\x02\x0a\x02\x00", 7);          // Nulls of 1 and 5.
  expected += std::string("\x02\x02\x02\x08\x01\x00\x00\x00\x00", 9);  // The lower bound of 1.
  expected += std::string("\x02\x02\x02\x08\x02\x00\x00\x00\x00", 9);
  const std::string records = ManifestRecords(table);
  EXPECT_TRUE(records.ends_with(expected)) << testing::PrintToString(records);
}

TEST(IcebergTable, WidensTheBoundsOfAFile) {
  const Table table =
      Make(InputOf({FileOf("a.parquet", {ParquetInt("a")}),
                    FileOf("b.parquet", {ParquetLeaf("a", PhysicalType::kInt64)})}));
  const std::string lower("\x02\x02\x02\x10\x01\0\0\0\0\0\0\0\0", 13);
  const std::string records = ManifestRecords(table);
  const size_t first = records.find(lower);
  ASSERT_NE(first, std::string::npos);
  EXPECT_NE(records.find(lower, first + 1), std::string::npos) << "one for each file";
}

TEST(IcebergTable, TurnsOffSparksVectorizedReaderWhereItFails) {
  constexpr const char* kProperty = "read.parquet.vectorization.enabled";
  TableFile file = FileOf("a.parquet", {ParquetInt("a")});
  EXPECT_FALSE(MetadataOf(InputOf({file}))["properties"].contains(kProperty));
  const TableFile wide = FileOf("b.parquet", {ParquetLeaf("a", PhysicalType::kInt64)});
  EXPECT_EQ(MetadataOf(InputOf({file, wide}))["properties"][kProperty], "false");
  FooterStatistics footer = *file.footer;
  footer.has_v2_encodings = true;
  file.footer = std::make_shared<const FooterStatistics>(footer);
  EXPECT_EQ(MetadataOf(InputOf({file}))["properties"][kProperty], "false");
}

TEST(IcebergTable, ReportsHiddenColumns) {
  const auto time =
      ParquetLeaf("t", PhysicalType::kInt32, {.kind = parquet::LogicalType::Kind::kTime});
  const Table table = Make(InputOf({FileOf("a.parquet", {ParquetInt("a"), time})}));
  EXPECT_EQ(Json::parse(table.metadata)["properties"]["tarn.hidden-column.t"],
            "Spark refuses tables with a TIME");
  EXPECT_EQ(table.hidden_columns,
            (std::vector<HiddenColumn>{{"t", "Spark refuses tables with a TIME"}}));
  EXPECT_EQ(ErrorOf(InputOf({FileOf("a.parquet", {time})})),
            "no column can be read by Iceberg clients: \"t\": Spark refuses tables with a TIME");
}

TEST(IcebergTable, HasThePartitionsOfKeys) {
  const Table table =
      Make(InputOf({FileOf("sales/day=1970-01-03/h=0/a.parquet", {ParquetInt("a")}),
                    FileOf("sales/day=1970-01-04/h=1/b.parquet", {ParquetInt("a")})}));
  const Json json = Json::parse(table.metadata);
  EXPECT_EQ(json["partition-specs"], Json::parse(R"([{"spec-id":0,"fields":[
    {"source-id":2,"field-id":1000,"name":"day","transform":"identity"},
    {"source-id":3,"field-id":1001,"name":"h","transform":"identity"}]}])"));
  EXPECT_EQ(json["schemas"][0]["fields"][1],
            Json::parse(R"({"id":2,"name":"day","required":false,"type":"date"})"));
  EXPECT_EQ(json["schemas"][0]["fields"][2]["type"], "long");
  const std::string records = ManifestRecords(table);
  EXPECT_NE(records.find(std::string("PARQUET\x02\x04\x02\x00\x06\xc8\x01", 14)),
            std::string::npos);
  EXPECT_NE(records.find(std::string("PARQUET\x02\x06\x02\x02\x06\xc8\x01", 14)),
            std::string::npos);
}

TEST(IcebergTable, ExplainsPartitionsThatItDoesNotHave) {
  const Json json = MetadataOf(InputOf({FileOf("sales/a=1/a.parquet", {ParquetInt("A")})}));
  EXPECT_EQ(json["properties"]["tarn.hidden-partition.a"], "a column has the same name");
  EXPECT_TRUE(json["partition-specs"][0]["fields"].empty());
  const Json mixed = MetadataOf(InputOf({FileOf("sales/a=1/a.parquet", {ParquetInt("x")}),
                                         FileOf("sales/b=1/a.parquet", {ParquetInt("x")})}));
  EXPECT_TRUE(mixed["partition-specs"][0]["fields"].empty());
  EXPECT_TRUE(mixed["properties"].contains("tarn.partitions"));
}

TEST(IcebergTable, RefusesKeysThatClientsCannotRead) {
  const auto error = [](const std::string& key) {
    return ErrorOf(InputOf({FileOf(key, {ParquetInt("a")})}));
  };
  EXPECT_EQ(error("a#b.parquet"),
            "key \"a#b.parquet\" contains \"#\", which Iceberg clients cannot read: rename the "
            "object");
  EXPECT_NE(error("a?b.parquet"), "");
  EXPECT_NE(error("a\xff.parquet"), "");
  EXPECT_EQ(error("a b%20+=ü.parquet"), "");
}

TEST(IcebergTable, RefusesFilesWithFieldIds) {
  auto column = ParquetInt("a");
  column.has_field_id = true;
  EXPECT_EQ(ErrorOf(InputOf({FileOf("a.parquet", {column})})),
            "object \"a.parquet\" has Parquet field ids, which Iceberg clients use instead of "
            "names: write it without them");
}

TEST(IcebergTable, RefusesADatasetWithoutObjects) {
  EXPECT_EQ(ErrorOf(InputOf({})), "the dataset has no objects");
}

TEST(IcebergTable, ReturnsThePreviousMetadataIfNothingHasChanged) {
  TableInput input = InputOf({FileOf("a.parquet", {ParquetInt("a")})});
  const Table first = Make(input);
  input = Next(input, first);
  input.version = 5;
  const Table second = Make(input);
  EXPECT_TRUE(second.objects.empty());
  EXPECT_EQ(second.metadata, first.metadata);
  EXPECT_EQ(second.metadata_location, first.metadata_location);
}

TEST(IcebergTable, MakesASnapshotIfAnEtagHasChanged) {
  TableInput input = InputOf({FileOf("a.parquet", {ParquetInt("a")})});
  const Table first = Make(input);
  input = Next(input, first);
  input.files[0].etag = "f";
  const Json json = MetadataOf(input);
  EXPECT_EQ(json["snapshots"].size(), 2U);
  EXPECT_EQ(json["current-schema-id"], 0);
  // The version is the same, and the numbers and times of snapshots are not.
  EXPECT_EQ(json["last-sequence-number"], 5);
  EXPECT_EQ(json["last-updated-ms"], 1'700'000'000'124);
  EXPECT_EQ(json["metadata-log"][0]["metadata-file"], first.metadata_location);
}

TEST(IcebergTable, NeverUsesASnapshotIdAgain) {
  TableInput input = InputOf({FileOf("a.parquet", {ParquetInt("a")})});
  std::set<int64_t> ids;
  for (const char* etag : {"e", "f", "e", "f"}) {
    input.files[0].etag = etag;
    const Table table = Make(input);
    const Json json = Json::parse(table.metadata);
    const auto id = json["current-snapshot-id"].get<int64_t>();
    EXPECT_GT(id, 0);
    ids.insert(id);
    input = Next(input, table);
  }
  EXPECT_EQ(ids.size(), 4U);
}

TEST(IcebergTable, KeepsTheIdOfAColumnThatComesBack) {
  const TableFile with = FileOf("a.parquet", {ParquetInt("a"), ParquetInt("b")});
  const TableFile without = FileOf("a.parquet", {ParquetInt("c"), ParquetInt("a")});
  TableInput input = InputOf({with});
  input = Next(input, Make(input));
  input.files = {without};
  const Table second = Make(input);
  input = Next(input, second);
  input.files = {with};
  const Json json = MetadataOf(input);
  EXPECT_EQ(json["current-schema-id"], 2);
  EXPECT_EQ(json["schemas"][2]["fields"], json["schemas"][0]["fields"]);
  EXPECT_EQ(json["last-column-id"], 3);
}

TEST(IcebergTable, KeepsTheNumberOfSnapshots) {
  TableInput input = InputOf({FileOf("a.parquet", {ParquetInt("a")})});
  input.snapshots_max = 2;
  Table table;
  for (int i = 0; i < 4; ++i) {
    input.files[0].etag = std::to_string(i);
    table = Make(input);
    input = Next(input, table);
  }
  EXPECT_EQ(Json::parse(table.metadata)["snapshots"].size(), 2U);
}

TEST(IcebergTable, RefusesFieldIdsThatAreTooOld) {
  TableInput input = InputOf({FileOf("a.parquet", {ParquetInt("a")})});
  input = Next(input, Make(input));
  input.field_ids = {};
  EXPECT_EQ(ErrorOf(input), "the field ids are older than the previous table metadata");
}

}  // namespace
}  // namespace tarn::iceberg
