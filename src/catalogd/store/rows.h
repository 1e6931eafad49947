#pragma once

// Private to src/catalogd: conversions of database rows.

#include <optional>
#include <string>

#include "base/time.h"
#include "catalog/manifest.h"
#include "catalogd/store/sqlite.h"

namespace tarn::catalogd {

inline int64_t ToInteger(UnixMicros time) { return time.time_since_epoch().count(); }
inline UnixMicros ToTime(int64_t micros) { return UnixMicros(std::chrono::microseconds(micros)); }
inline uint64_t ToCount(int64_t number) { return static_cast<uint64_t>(number); }

// Returns the bytes of a manifest in a list: the size of its content, and an upper bound for its
// other fields.
uint64_t ListedBytes(const std::string& name, const std::string& changed_by, size_t content_bytes);

// A row of `datasets`.
struct DatasetRow {
  catalog::Manifest manifest;  // Without content.
  int64_t content_id = 0;
  uint64_t bytes = 0;      // See ListedBytes.
  std::string key_folder;  // The folder of all keys; empty: unknown. See auth::KeyScope::FolderOf.
};

inline constexpr const char* kDatasetColumns =
    "name, dataset_id, version, created_at, updated_at, changed_by, content_id, bytes, key_folder";

// Converts a row of kDatasetColumns.
inline DatasetRow ToDatasetRow(const SqliteStatement& row) {
  DatasetRow dataset;
  dataset.manifest.name = row.Text(0);
  dataset.manifest.dataset_id = row.Text(1);
  dataset.manifest.version = ToCount(row.Integer(2));
  dataset.manifest.created_at = ToTime(row.Integer(3));
  dataset.manifest.updated_at = ToTime(row.Integer(4));
  dataset.manifest.changed_by = row.Text(5);
  dataset.content_id = row.Integer(6);
  dataset.bytes = ToCount(row.Integer(7));
  dataset.key_folder = row.Text(8);
  return dataset;
}

// Returns nullopt if the dataset does not exist.
Result<std::optional<DatasetRow>> FindDataset(SqliteDatabase& database, const std::string& name);

}  // namespace tarn::catalogd
