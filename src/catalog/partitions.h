#pragma once

// Hive-style partitions: the names and values in the keys of a dataset's objects, as in
// "events/day=2026-01-31/a.parquet". docs/datasets.md has the rules.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::catalog {

struct Partition {
  std::string name;
  std::string type;      // "DATE", "BIGINT" or "VARCHAR".
  std::string key_name;  // The name as it stands in the keys, where it may be percent-encoded.
};

struct Partitions {
  // The bytes at the front of each key that hold no partitions.
  std::string prefix;
  std::vector<Partition> columns;  // In the order of the keys.
  // Why keys that have names and values have no partitions; else empty.
  std::string problem;
};

// The value of a partition that is NULL.
inline constexpr const char* kNullPartition = "__HIVE_DEFAULT_PARTITION__";

// The value of a partition in a key, percent-decoded; nothing if it is NULL. `path` is the key
// without the dataset's prefix.
std::optional<std::string> PartitionValue(std::string_view path, std::string_view key_name);

// The partitions of a dataset with this name and these keys, at least one. The
// dataset's own prefix ends with the first folder that has its name, or else is the common folder
// of all keys without the names and values at its end.
Partitions FindPartitions(const std::string& dataset, const std::vector<std::string>& keys);

}  // namespace tarn::catalog
