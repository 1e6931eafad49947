#pragma once

// Table metadata of version 2: https://iceberg.apache.org/spec/#table-metadata-fields

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/partition_spec.h"

namespace tarn::iceberg {

// The parts of earlier metadata on which the next metadata depends.
struct PreviousMetadata {
  std::string location;  // The URI of its file.
  int64_t last_sequence_number = 0;
  int64_t last_updated_ms = 0;
  int32_t last_column_id = 0;
  int32_t current_schema_id = 0;
  nlohmann::ordered_json schemas;
  nlohmann::ordered_json spec;  // The default one.
  int32_t last_partition_id = kNoPartitionId;
  int64_t current_snapshot_id = 0;
  nlohmann::ordered_json snapshots;  // Ordered by age; the last one is the current one.
  nlohmann::ordered_json snapshot_log;
  nlohmann::ordered_json metadata_log;
  std::string content_hash;  // That of the current snapshot.
};

// Reads metadata that FormatMetadata has written. kInvalidArgument if it is damaged.
Result<PreviousMetadata> ReadPreviousMetadata(std::string_view json, std::string location);

// Returns the schema {"type":"struct","schema-id":…,"fields":…}. It has the id of the previous one
// if the fields are equal, and otherwise the next id.
nlohmann::ordered_json MakeSchema(nlohmann::ordered_json fields,
                                  const std::optional<PreviousMetadata>& previous);

// Sets the ids of the spec and its fields: those of the previous spec if the partitions and their
// types are equal, and otherwise new ones. Returns true if they are equal. `schema_fields` has the
// sources of the partitions.
bool AssignSpecIds(PartitionSpec& spec, const nlohmann::ordered_json& schema_fields,
                   const std::optional<PreviousMetadata>& previous);

struct SnapshotInput {
  int64_t snapshot_id = 0;
  int64_t sequence_number = 0;
  int64_t timestamp_ms = 0;
  std::string manifest_list;  // A URI.
  std::string content_hash;
  int64_t file_count = 0;
  int64_t row_count = 0;
  int64_t total_bytes = 0;
};

struct MetadataInput {
  std::string table_uuid;
  std::string location;  // A URI.
  int32_t last_column_id = 0;
  const nlohmann::ordered_json& schema;
  const PartitionSpec& spec;
  std::map<std::string, std::string> properties;
  SnapshotInput snapshot;  // The new one.
  // Its snapshots are kept: the spec has not changed.
  bool keeps_snapshots = true;
  size_t snapshots_max = 0;  // At least 1.
};

// Formats the metadata after a new snapshot. Keeps the last snapshots of the previous metadata with
// their schemas, and as many entries of the metadata log.
std::string FormatMetadata(const MetadataInput& input,
                           const std::optional<PreviousMetadata>& previous);

}  // namespace tarn::iceberg
