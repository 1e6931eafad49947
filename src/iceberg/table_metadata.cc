#include "iceberg/table_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/bounded_json.h"
#include "base/check.h"

namespace tarn::iceberg {
namespace {

using nlohmann::ordered_json;

// The key of the content hash in the summary of a snapshot.
constexpr const char* kContentHash = "tarn.content-hash";
// Schemas of many columns are larger than other JSON, and a level of a struct has three levels.
constexpr JsonLimits kMetadataLimits = {.depth = 512, .values = 10'000'000};

// The element of a list whose member `key` is `value`; null if there is none.
const ordered_json* FindById(const ordered_json& list, const char* key, int64_t value) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const ordered_json& item) {
    return item.at(key).get<int64_t>() == value;
  });
  return found == list.end() ? nullptr : &*found;
}

// The fields of the current schema of metadata that was checked.
const ordered_json& CurrentFields(const PreviousMetadata& previous) {
  const ordered_json* schema = FindById(previous.schemas, "schema-id", previous.current_schema_id);
  TARN_ASSERT(schema != nullptr, "the metadata has no current schema");
  return schema->at("fields");
}

// Reads each member that is used later, so that a missing one or one of another type throws
// nlohmann::json::exception here. False: an id refers to nothing.
bool ReadMembers(const ordered_json& json, PreviousMetadata& read) {
  json.at("last-sequence-number").get_to(read.last_sequence_number);
  json.at("last-updated-ms").get_to(read.last_updated_ms);
  json.at("last-column-id").get_to(read.last_column_id);
  json.at("current-schema-id").get_to(read.current_schema_id);
  json.at("last-partition-id").get_to(read.last_partition_id);
  json.at("current-snapshot-id").get_to(read.current_snapshot_id);
  read.schemas = json.at("schemas");
  read.snapshots = json.at("snapshots");
  read.snapshot_log = json.at("snapshot-log");
  read.metadata_log = json.at("metadata-log");
  const auto spec_id = json.at("default-spec-id").get<int64_t>();
  const ordered_json* spec = FindById(json.at("partition-specs"), "spec-id", spec_id);
  const ordered_json* snapshot = FindById(read.snapshots, "snapshot-id", read.current_snapshot_id);
  const ordered_json* schema = FindById(read.schemas, "schema-id", read.current_schema_id);
  if (spec == nullptr || snapshot == nullptr || schema == nullptr) return false;
  read.spec = *spec;
  for (const ordered_json& field : spec->at("fields")) {
    (void)field.at("source-id").get<int64_t>();
    (void)field.at("field-id").get<int32_t>();
    (void)field.at("name").get<std::string>();
  }
  for (const ordered_json& field : schema->at("fields")) (void)field.at("id").get<int64_t>();
  for (const ordered_json& kept : read.snapshots) (void)kept.at("schema-id").get<int32_t>();
  snapshot->at("summary").at(kContentHash).get_to(read.content_hash);
  return read.snapshot_log.is_array() && read.metadata_log.is_array();
}

// The type of a column in a schema; null if there is no such column.
ordered_json TypeOfField(const ordered_json& schema_fields, int64_t id) {
  for (const ordered_json& field : schema_fields) {
    if (field.at("id") == id) return field.value("type", ordered_json());
  }
  return nullptr;
}

// True if the partitions have equal names, sources and types.
bool IsSameSpec(const PartitionSpec& spec, const ordered_json& schema_fields,
                const PreviousMetadata& previous) {
  const ordered_json& fields = previous.spec["fields"];
  if (fields.size() != spec.fields.size()) return false;
  const ordered_json& previous_fields = CurrentFields(previous);
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    const int64_t source = fields[i].at("source-id").get<int64_t>();
    if (source != spec.fields[i].source_id || fields[i].at("name") != spec.fields[i].name ||
        TypeOfField(previous_fields, source) != TypeOfField(schema_fields, source)) {
      return false;
    }
  }
  return true;
}

ordered_json SnapshotJson(const SnapshotInput& snapshot, int32_t schema_id,
                          const PreviousMetadata* parent) {
  ordered_json json = {{"sequence-number", snapshot.sequence_number},
                       {"snapshot-id", snapshot.snapshot_id}};
  if (parent != nullptr) json["parent-snapshot-id"] = parent->current_snapshot_id;
  json["timestamp-ms"] = snapshot.timestamp_ms;
  // Each snapshot replaces all files.
  json["summary"] = {{"operation", parent != nullptr ? "overwrite" : "append"},
                     {"total-data-files", fmt::to_string(snapshot.file_count)},
                     {"total-records", fmt::to_string(snapshot.row_count)},
                     {"total-files-size", fmt::to_string(snapshot.total_bytes)},
                     {"total-delete-files", "0"},
                     {"total-equality-deletes", "0"},
                     {"total-position-deletes", "0"},
                     {kContentHash, snapshot.content_hash}};
  json["manifest-list"] = snapshot.manifest_list;
  json["schema-id"] = schema_id;
  return json;
}

// Removes the first elements of a list, until it has at most `size_max`.
void KeepLast(ordered_json& list, size_t size_max) {
  if (list.size() <= size_max) return;
  list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(size_max));
}

// The snapshots, schemas and logs of the next metadata.
struct History {
  ordered_json snapshots = ordered_json::array();
  ordered_json schemas = ordered_json::array();
  ordered_json snapshot_log = ordered_json::array();
  ordered_json metadata_log = ordered_json::array();
};

History MakeHistory(const MetadataInput& input, const std::optional<PreviousMetadata>& previous) {
  History history;
  const PreviousMetadata* parent = previous && input.keeps_snapshots ? &*previous : nullptr;
  if (parent != nullptr) {
    history.snapshots = parent->snapshots;
    history.snapshot_log = parent->snapshot_log;
  }
  if (previous) {
    history.metadata_log = previous->metadata_log;
    history.metadata_log.push_back(
        {{"timestamp-ms", previous->last_updated_ms}, {"metadata-file", previous->location}});
    KeepLast(history.metadata_log, input.snapshots_max);
  }
  const int32_t schema_id = input.schema.at("schema-id").get<int32_t>();
  history.snapshots.push_back(SnapshotJson(input.snapshot, schema_id, parent));
  history.snapshot_log.push_back(
      {{"timestamp-ms", input.snapshot.timestamp_ms}, {"snapshot-id", input.snapshot.snapshot_id}});
  KeepLast(history.snapshots, input.snapshots_max);
  KeepLast(history.snapshot_log, input.snapshots_max);
  std::set<int32_t> used;
  for (const ordered_json& snapshot : history.snapshots) {
    used.insert(snapshot.at("schema-id").get<int32_t>());
  }
  if (previous) {
    for (const ordered_json& schema : previous->schemas) {
      const int32_t id = schema.at("schema-id").get<int32_t>();
      if (id != schema_id && used.contains(id)) history.schemas.push_back(schema);
    }
  }
  history.schemas.push_back(input.schema);
  return history;
}

}  // namespace

Result<PreviousMetadata> ReadPreviousMetadata(std::string_view json, std::string location) {
  auto parsed = ParseBoundedOrderedJson(json, kMetadataLimits);
  if (!parsed.ok()) return parsed.error().Wrap("the previous table metadata is damaged");
  try {
    PreviousMetadata read;
    if (!ReadMembers(*parsed, read)) {
      return InvalidArgument("the previous table metadata is damaged: an id refers to nothing");
    }
    read.location = std::move(location);
    return read;
  } catch (const nlohmann::json::exception& error) {
    return InvalidArgument("the previous table metadata is damaged: " + JsonReason(error.what()));
  }
}

ordered_json MakeSchema(ordered_json fields, const std::optional<PreviousMetadata>& previous) {
  int32_t id = 0;
  if (previous) {
    const bool is_same = CurrentFields(*previous) == fields;
    id = previous->current_schema_id + (is_same ? 0 : 1);
  }
  return {{"type", "struct"}, {"schema-id", id}, {"fields", std::move(fields)}};
}

bool AssignSpecIds(PartitionSpec& spec, const ordered_json& schema_fields,
                   const std::optional<PreviousMetadata>& previous) {
  const bool is_same = previous && IsSameSpec(spec, schema_fields, *previous);
  spec.spec_id = previous ? previous->spec["spec-id"].get<int32_t>() + (is_same ? 0 : 1) : 0;
  int32_t last_id = previous ? previous->last_partition_id : kNoPartitionId;
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    spec.fields[i].field_id =
        is_same ? previous->spec["fields"][i].at("field-id").get<int32_t>() : ++last_id;
  }
  return is_same;
}

std::string FormatMetadata(const MetadataInput& input,
                           const std::optional<PreviousMetadata>& previous) {
  History history = MakeHistory(input, previous);
  int32_t last_partition_id = previous ? previous->last_partition_id : kNoPartitionId;
  for (const PartitionField& field : input.spec.fields) {
    last_partition_id = std::max(last_partition_id, field.field_id);
  }
  const ordered_json spec = {{"spec-id", input.spec.spec_id},
                             {"fields", PartitionFieldsJson(input.spec)}};
  const ordered_json unsorted = {{"order-id", 0}, {"fields", ordered_json::array()}};
  const ordered_json main = {{"snapshot-id", input.snapshot.snapshot_id}, {"type", "branch"}};
  ordered_json json = {{"format-version", 2},
                       {"table-uuid", input.table_uuid},
                       {"location", input.location},
                       {"last-sequence-number", input.snapshot.sequence_number},
                       {"last-updated-ms", input.snapshot.timestamp_ms},
                       {"last-column-id", input.last_column_id},
                       {"current-schema-id", input.schema.at("schema-id")},
                       {"schemas", std::move(history.schemas)},
                       {"default-spec-id", input.spec.spec_id},
                       {"partition-specs", ordered_json::array({spec})},
                       {"last-partition-id", last_partition_id},
                       {"default-sort-order-id", 0},
                       {"sort-orders", ordered_json::array({unsorted})},
                       {"properties", input.properties},
                       {"current-snapshot-id", input.snapshot.snapshot_id}};
  json["refs"]["main"] = main;
  json["snapshots"] = std::move(history.snapshots);
  json["statistics"] = ordered_json::array();
  json["partition-statistics"] = ordered_json::array();
  json["snapshot-log"] = std::move(history.snapshot_log);
  json["metadata-log"] = std::move(history.metadata_log);
  return json.dump();
}

}  // namespace tarn::iceberg
