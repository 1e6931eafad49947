#include "iceberg/table_metadata.h"

#include <gtest/gtest.h>

namespace tarn::iceberg {
namespace {

using Json = nlohmann::ordered_json;

Json FieldOf(int32_t id, const char* type) {
  return {{"id", id}, {"name", "c"}, {"required", false}, {"type", type}};
}

// The metadata after the snapshot with this number, which is its id and sequence number.
std::string Metadata(int64_t number, const Json& schema, const PartitionSpec& spec,
                     const std::optional<PreviousMetadata>& previous, bool keeps_snapshots = true) {
  return FormatMetadata({.table_uuid = "uuid",
                         .location = "s3://b/t",
                         .last_column_id = 9,
                         .schema = schema,
                         .spec = spec,
                         .properties = {{"k", "v"}},
                         .snapshot = {.snapshot_id = number,
                                      .sequence_number = number,
                                      .timestamp_ms = 1000 * number,
                                      .manifest_list = "s3://b/l",
                                      .content_hash = "hash " + std::to_string(number),
                                      .file_count = 2,
                                      .row_count = 30,
                                      .total_bytes = 400},
                         .keeps_snapshots = keeps_snapshots,
                         .snapshots_max = 3},
                        previous);
}

std::optional<PreviousMetadata> Read(const std::string& json, const std::string& location = "l") {
  auto read = ReadPreviousMetadata(json, location);
  EXPECT_TRUE(read.ok()) << read.error().message;
  return std::move(*read);
}

TEST(TableMetadata, HasTheFieldsOfTheSpecification) {
  const Json schema = MakeSchema(Json::array({FieldOf(1, "int")}), std::nullopt);
  EXPECT_EQ(Json::parse(Metadata(1, schema, {}, std::nullopt)), Json::parse(R"({
    "format-version":2,"table-uuid":"uuid","location":"s3://b/t","last-sequence-number":1,
    "last-updated-ms":1000,"last-column-id":9,"current-schema-id":0,
    "schemas":[{"type":"struct","schema-id":0,"fields":[
      {"id":1,"name":"c","required":false,"type":"int"}]}],
    "default-spec-id":0,"partition-specs":[{"spec-id":0,"fields":[]}],"last-partition-id":999,
    "default-sort-order-id":0,"sort-orders":[{"order-id":0,"fields":[]}],
    "properties":{"k":"v"},"current-snapshot-id":1,
    "refs":{"main":{"snapshot-id":1,"type":"branch"}},
    "snapshots":[{"sequence-number":1,"snapshot-id":1,"timestamp-ms":1000,
      "summary":{"operation":"append","total-data-files":"2","total-records":"30",
        "total-files-size":"400","total-delete-files":"0","total-equality-deletes":"0",
        "total-position-deletes":"0","tarn.content-hash":"hash 1"},
      "manifest-list":"s3://b/l","schema-id":0}],
    "statistics":[],"partition-statistics":[],
    "snapshot-log":[{"timestamp-ms":1000,"snapshot-id":1}],"metadata-log":[]})"));
}

TEST(TableMetadata, KeepsTheLastSnapshotsAndLogs) {
  const Json schema = MakeSchema(Json::array({FieldOf(1, "int")}), std::nullopt);
  std::optional<PreviousMetadata> previous;
  std::string text;
  for (int64_t number = 1; number <= 5; ++number) {
    text = Metadata(number, schema, {}, previous);
    previous = Read(text, "m" + std::to_string(number));
  }
  const Json json = Json::parse(text);
  ASSERT_EQ(json["snapshots"].size(), 3U);
  EXPECT_EQ(json["snapshots"][0]["snapshot-id"], 3);
  EXPECT_EQ(json["snapshots"][2]["snapshot-id"], 5);
  EXPECT_EQ(json["snapshots"][2]["parent-snapshot-id"], 4);
  EXPECT_EQ(json["snapshots"][2]["summary"]["operation"], "overwrite");
  EXPECT_EQ(json["snapshot-log"], Json::parse(R"([
    {"timestamp-ms":3000,"snapshot-id":3},{"timestamp-ms":4000,"snapshot-id":4},
    {"timestamp-ms":5000,"snapshot-id":5}])"));
  EXPECT_EQ(json["metadata-log"], Json::parse(R"([
    {"timestamp-ms":2000,"metadata-file":"m2"},{"timestamp-ms":3000,"metadata-file":"m3"},
    {"timestamp-ms":4000,"metadata-file":"m4"}])"));
  EXPECT_EQ(previous->content_hash, "hash 5");
}

TEST(TableMetadata, GivesAChangedSchemaTheNextId) {
  const Json first = MakeSchema(Json::array({FieldOf(1, "int")}), std::nullopt);
  const auto previous = Read(Metadata(1, first, {}, std::nullopt));
  EXPECT_EQ(MakeSchema(Json::array({FieldOf(1, "int")}), previous)["schema-id"], 0);
  const Json second = MakeSchema(Json::array({FieldOf(1, "long")}), previous);
  EXPECT_EQ(second["schema-id"], 1);
  const std::string text = Metadata(2, second, {}, previous);
  const Json json = Json::parse(text);
  EXPECT_EQ(json["schemas"], Json::array({first, second}));
  EXPECT_EQ(json["current-schema-id"], 1);
  // Back to the first type, under an id that was never used.
  EXPECT_EQ(MakeSchema(Json::array({FieldOf(1, "int")}), Read(text))["schema-id"], 2);
}

TEST(TableMetadata, DropsSchemasWithoutSnapshots) {
  std::optional<PreviousMetadata> previous;
  std::string text;
  for (int32_t number = 1; number <= 5; ++number) {
    const Json schema = MakeSchema(Json::array({FieldOf(number, "int")}), previous);
    text = Metadata(number, schema, {}, previous);
    previous = Read(text);
  }
  std::vector<int> ids;
  const Json json = Json::parse(text);
  for (const Json& schema : json["schemas"]) ids.push_back(schema["schema-id"]);
  EXPECT_EQ(ids, (std::vector<int>{2, 3, 4}));
}

PartitionSpec SpecOf(int32_t source_id) {
  return {.fields = {{.name = "c", .key_name = "c", .source_id = source_id}}};
}

TEST(TableMetadata, GivesChangedPartitionsNewIds) {
  const Json fields = Json::array({FieldOf(1, "long")});
  const Json schema = MakeSchema(fields, std::nullopt);
  PartitionSpec spec = SpecOf(1);
  EXPECT_FALSE(AssignSpecIds(spec, fields, std::nullopt));
  EXPECT_EQ(spec.spec_id, 0);
  EXPECT_EQ(spec.fields[0].field_id, 1000);
  const auto previous = Read(Metadata(1, schema, spec, std::nullopt));
  EXPECT_EQ(previous->last_partition_id, 1000);

  PartitionSpec same = SpecOf(1);
  EXPECT_TRUE(AssignSpecIds(same, fields, previous));
  EXPECT_EQ(same.spec_id, 0);
  EXPECT_EQ(same.fields[0].field_id, 1000);

  PartitionSpec other_type = SpecOf(1);
  EXPECT_FALSE(AssignSpecIds(other_type, Json::array({FieldOf(1, "string")}), previous));
  EXPECT_EQ(other_type.spec_id, 1);
  EXPECT_EQ(other_type.fields[0].field_id, 1001);

  PartitionSpec other_source = SpecOf(2);
  EXPECT_FALSE(AssignSpecIds(other_source, Json::array({FieldOf(2, "long")}), previous));
  PartitionSpec none;
  EXPECT_FALSE(AssignSpecIds(none, fields, previous));
  EXPECT_EQ(none.spec_id, 1);
}

TEST(TableMetadata, DropsTheSnapshotsOfOtherPartitions) {
  const Json schema = MakeSchema(Json::array({FieldOf(1, "long")}), std::nullopt);
  PartitionSpec spec = SpecOf(1);
  AssignSpecIds(spec, schema["fields"], std::nullopt);
  const auto previous = Read(Metadata(1, schema, spec, std::nullopt));
  const Json json = Json::parse(
      Metadata(2, schema, {.spec_id = 1, .fields = {}}, previous, /*keeps_snapshots=*/false));
  ASSERT_EQ(json["snapshots"].size(), 1U);
  EXPECT_FALSE(json["snapshots"][0].contains("parent-snapshot-id"));
  EXPECT_EQ(json["snapshot-log"].size(), 1U);
  EXPECT_EQ(json["metadata-log"].size(), 1U);
  EXPECT_EQ(json["partition-specs"], Json::parse(R"([{"spec-id":1,"fields":[]}])"));
  EXPECT_EQ(json["last-partition-id"], 1000) << "ids are not used again";
}

TEST(TableMetadata, RejectsDamagedMetadata) {
  const Json schema = MakeSchema(Json::array({FieldOf(1, "int")}), std::nullopt);
  PartitionSpec spec = SpecOf(1);
  AssignSpecIds(spec, schema["fields"], std::nullopt);
  const Json good = Json::parse(Metadata(1, schema, spec, std::nullopt));
  ASSERT_TRUE(ReadPreviousMetadata(good.dump(), "l").ok());
  for (const char* text : {"", "[]", "{}", "null"}) {
    EXPECT_FALSE(ReadPreviousMetadata(text, "l").ok()) << text;
  }
  for (const char* member :
       {"last-sequence-number", "last-updated-ms", "last-column-id", "current-schema-id", "schemas",
        "default-spec-id", "partition-specs", "last-partition-id", "current-snapshot-id",
        "snapshots", "snapshot-log", "metadata-log"}) {
    Json damaged = good;
    damaged.erase(member);
    EXPECT_FALSE(ReadPreviousMetadata(damaged.dump(), "l").ok()) << member;
    damaged[member] = "text";
    EXPECT_FALSE(ReadPreviousMetadata(damaged.dump(), "l").ok()) << member;
    damaged[member] = 7;
    const bool is_number = good[member].is_number();
    const bool is_reference = std::string_view(member).starts_with("current-") ||
                              std::string_view(member).starts_with("default-");
    EXPECT_EQ(ReadPreviousMetadata(damaged.dump(), "l").ok(), is_number && !is_reference) << member;
  }
}

}  // namespace
}  // namespace tarn::iceberg
