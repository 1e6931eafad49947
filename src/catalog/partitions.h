#pragma once

// Hive-style partitions: names and values in the keys of a dataset's objects, such as
// "events/day=2026-01-31/a.parquet". docs/datasets.md has the rules.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::catalog {

struct Partition {
  std::string name;
  std::string type;      // "DATE", "BIGINT" or "VARCHAR".
  std::string key_name;  // The name in the keys, where it may be percent-encoded.
};

struct Partitions {
  // The start of each key, which has no partitions.
  std::string prefix;
  std::vector<Partition> columns;  // In the order of the keys.
  // The reason why keys with names and values have no partitions; otherwise empty.
  std::string problem;
};

// The value of a NULL partition.
inline constexpr const char* kNullPartition = "__HIVE_DEFAULT_PARTITION__";

// Returns the value of a partition in a key, percent-decoded; nullopt if it is NULL. `path` is the
// key without the dataset's prefix.
std::optional<std::string> PartitionValue(std::string_view path, std::string_view key_name);

// Finds the partitions of a dataset with this name and these keys, at least one. The dataset's
// prefix ends with the first folder that has its name. Without such a folder, it is the common
// folder of all keys without trailing names and values.
Partitions FindPartitions(const std::string& dataset, const std::vector<std::string>& keys);

}  // namespace tarn::catalog
