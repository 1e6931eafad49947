#include "iceberg/manifest.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "iceberg/avro_writer.h"

namespace tarn::iceberg {
namespace {

using nlohmann::ordered_json;

// The status of a manifest entry: its snapshot added the file.
constexpr int64_t kAdded = 1;
// The content of a data file and of a manifest.
constexpr int64_t kData = 0;

ordered_json AvroField(const char* name, ordered_json type, int32_t id) {
  return {{"name", name}, {"type", std::move(type)}, {"field-id", id}};
}

ordered_json OptionalAvroField(const char* name, ordered_json type, int32_t id) {
  return {{"name", name},
          {"type", ordered_json::array({"null", std::move(type)})},
          {"default", nullptr},
          {"field-id", id}};
}

// A map from field ids: Avro's own maps have only strings as keys.
ordered_json MapField(const char* name, const char* value_type, int32_t id, int32_t key_id) {
  const ordered_json pair = {
      {"type", "record"},
      {"name", fmt::format("k{}_v{}", key_id, key_id + 1)},
      {"fields", ordered_json::array({AvroField("key", "int", key_id),
                                      AvroField("value", value_type, key_id + 1)})}};
  return OptionalAvroField(name, {{"type", "array"}, {"logicalType", "map"}, {"items", pair}}, id);
}

ordered_json AvroRecord(const char* name, ordered_json fields) {
  return {{"type", "record"}, {"name", name}, {"fields", std::move(fields)}};
}

std::string ManifestSchema(const PartitionSpec& spec) {
  const ordered_json data_file =
      AvroRecord("r2", ordered_json::array({
                           AvroField("content", "int", 134),
                           AvroField("file_path", "string", 100),
                           AvroField("file_format", "string", 101),
                           AvroField("partition", PartitionRecordSchema(spec), 102),
                           AvroField("record_count", "long", 103),
                           AvroField("file_size_in_bytes", "long", 104),
                           MapField("column_sizes", "long", 108, 117),
                           MapField("value_counts", "long", 109, 119),
                           MapField("null_value_counts", "long", 110, 121),
                           MapField("lower_bounds", "bytes", 125, 126),
                           MapField("upper_bounds", "bytes", 128, 129),
                       }));
  return AvroRecord("manifest_entry", ordered_json::array({
                                          AvroField("status", "int", 0),
                                          OptionalAvroField("snapshot_id", "long", 1),
                                          OptionalAvroField("sequence_number", "long", 3),
                                          OptionalAvroField("file_sequence_number", "long", 4),
                                          AvroField("data_file", data_file, 2),
                                      }))
      .dump();
}

std::string ManifestListSchema() {
  return AvroRecord("manifest_file", ordered_json::array({
                                         AvroField("manifest_path", "string", 500),
                                         AvroField("manifest_length", "long", 501),
                                         AvroField("partition_spec_id", "int", 502),
                                         AvroField("content", "int", 517),
                                         AvroField("sequence_number", "long", 515),
                                         AvroField("min_sequence_number", "long", 516),
                                         AvroField("added_snapshot_id", "long", 503),
                                         AvroField("added_files_count", "int", 504),
                                         AvroField("existing_files_count", "int", 505),
                                         AvroField("deleted_files_count", "int", 506),
                                         AvroField("added_rows_count", "long", 512),
                                         AvroField("existing_rows_count", "long", 513),
                                         AvroField("deleted_rows_count", "long", 514),
                                     }))
      .dump();
}

void AppendMapValue(std::string& out, int64_t value) { AppendAvroLong(out, value); }

void AppendMapValue(std::string& out, const std::string& value) { AppendAvroBytes(out, value); }

// Appends an optional map; an empty one is null.
template <class Value>
void AppendMap(std::string& out, const std::map<int32_t, Value>& map) {
  if (map.empty()) return AppendAvroNull(out);
  AppendAvroPresent(out);
  AppendAvroArrayStart(out, map.size());
  for (const auto& [id, value] : map) {
    AppendAvroLong(out, id);
    AppendMapValue(out, value);
  }
  AppendAvroArrayEnd(out);
}

void AppendOptionalLong(std::string& out, int64_t value) {
  AppendAvroPresent(out);
  AppendAvroLong(out, value);
}

}  // namespace

std::string EncodeDataFile(const DataFile& file, const PartitionSpec& spec) {
  std::string out;
  AppendAvroLong(out, kData);
  AppendAvroBytes(out, file.path);
  AppendAvroBytes(out, "PARQUET");
  AppendPartitionRecord(out, spec, file.partition);
  AppendAvroLong(out, file.record_count);
  AppendAvroLong(out, file.size_bytes);
  AppendMap(out, file.statistics.column_sizes);
  AppendMap(out, file.statistics.value_counts);
  AppendMap(out, file.statistics.null_value_counts);
  AppendMap(out, file.statistics.lower_bounds);
  AppendMap(out, file.statistics.upper_bounds);
  return out;
}

std::string WriteManifest(const ManifestInput& input) {
  AvroWriter writer(AvroCodec::kDeflate, ManifestSchema(input.spec),
                    {{"schema", input.schema.dump()},
                     {"schema-id", input.schema.at("schema-id").dump()},
                     {"partition-spec", PartitionFieldsJson(input.spec).dump()},
                     {"partition-spec-id", fmt::to_string(input.spec.spec_id)},
                     {"format-version", "2"},
                     {"content", "data"}});
  std::string head;
  AppendAvroLong(head, kAdded);
  AppendOptionalLong(head, input.snapshot_id);
  AppendOptionalLong(head, input.sequence_number);
  AppendOptionalLong(head, input.sequence_number);
  for (const std::string& file : input.data_files) writer.Add(head + file);
  return writer.Finish();
}

std::string WriteManifestList(const ManifestListInput& input) {
  const std::optional<int64_t> parent = input.parent_snapshot_id;
  AvroWriter writer(AvroCodec::kNull, ManifestListSchema(),
                    {{"snapshot-id", fmt::to_string(input.snapshot_id)},
                     {"parent-snapshot-id", parent ? fmt::to_string(*parent) : "null"},
                     {"sequence-number", fmt::to_string(input.sequence_number)},
                     {"format-version", "2"}});
  std::string entry;
  AppendAvroBytes(entry, input.manifest_path);
  AppendAvroLong(entry, input.manifest_length);
  AppendAvroLong(entry, input.spec_id);
  AppendAvroLong(entry, kData);
  AppendAvroLong(entry, input.sequence_number);
  AppendAvroLong(entry, input.sequence_number);
  AppendAvroLong(entry, input.snapshot_id);
  // Files and rows that the snapshot added, kept and deleted.
  for (const int64_t count :
       {input.file_count, int64_t{0}, int64_t{0}, input.row_count, int64_t{0}, int64_t{0}}) {
    AppendAvroLong(entry, count);
  }
  writer.Add(entry);
  return writer.Finish();
}

}  // namespace tarn::iceberg
