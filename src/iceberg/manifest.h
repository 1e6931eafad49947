#pragma once

// Manifests and manifest lists of version 2: https://iceberg.apache.org/spec/#manifests

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "iceberg/partition_spec.h"

namespace tarn::iceberg {

// The statistics of a data file, by field id. A column without an entry is not known.
struct DataFileStatistics {
  std::map<int32_t, int64_t> column_sizes;  // Bytes.
  std::map<int32_t, int64_t> value_counts;  // With nulls.
  std::map<int32_t, int64_t> null_value_counts;
  std::map<int32_t, std::string> lower_bounds;  // Serialized as in bounds.h.
  std::map<int32_t, std::string> upper_bounds;
};

struct DataFile {
  std::string path;            // A URI.
  std::string_view partition;  // The path that has the names and values of partitions.
  int64_t record_count = 0;
  int64_t size_bytes = 0;
  DataFileStatistics statistics;
};

// Encodes the struct `data_file` of a manifest in Avro.
std::string EncodeDataFile(const DataFile& file, const PartitionSpec& spec);

struct ManifestInput {
  const nlohmann::ordered_json& schema;  // With its "schema-id".
  const PartitionSpec& spec;
  int64_t snapshot_id = 0;
  int64_t sequence_number = 0;
  const std::vector<std::string>& data_files;  // From EncodeDataFile, with the same spec.
};

// Returns a manifest of files that its snapshot added, compressed with deflate.
std::string WriteManifest(const ManifestInput& input);

struct ManifestListInput {
  std::string manifest_path;  // A URI.
  int64_t manifest_length = 0;
  int32_t spec_id = 0;
  int64_t snapshot_id = 0;
  std::optional<int64_t> parent_snapshot_id;
  int64_t sequence_number = 0;
  int64_t file_count = 0;
  int64_t row_count = 0;
};

// Returns the list of a snapshot with one manifest, whose files it added.
// https://iceberg.apache.org/spec/#manifest-lists
std::string WriteManifestList(const ManifestListInput& input);

}  // namespace tarn::iceberg
