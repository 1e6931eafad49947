#pragma once

// The partition spec of a table: the names and values in the keys of its files.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "catalog/partitions.h"
#include "iceberg/type.h"

namespace tarn::iceberg {

// A partition with the transform "identity".
struct PartitionField {
  std::string name;
  std::string key_name;  // As in catalog::Partition.
  int32_t source_id = 0;
  int32_t field_id = 0;  // From 1000.
  PrimitiveType type;    // kDate, kLong or kString.

  bool operator==(const PartitionField&) const = default;
};

struct PartitionSpec {
  int32_t spec_id = 0;
  std::vector<PartitionField> fields;  // Empty: the table has no partitions.
};

// The highest field id of a spec without fields.
inline constexpr int32_t kNoPartitionId = 999;

// The type of a partition's column.
PrimitiveType PartitionType(const catalog::Partition& partition);

// The "fields" of a spec: https://iceberg.apache.org/spec/#partition-specs
nlohmann::ordered_json PartitionFieldsJson(const PartitionSpec& spec);

// The Avro schema of the struct `partition` in a manifest: a record of optional values.
nlohmann::ordered_json PartitionRecordSchema(const PartitionSpec& spec);

// Appends the partition record of a file in Avro. `path` is its key without the dataset's prefix.
// The values must have the types of the spec.
void AppendPartitionRecord(std::string& out, const PartitionSpec& spec, std::string_view path);

// The name in Avro, which has only ASCII letters, digits and underscores. Another character becomes
// "_x" and its code in hexadecimal, as in Iceberg's own writers.
std::string AvroName(std::string_view name);

}  // namespace tarn::iceberg
