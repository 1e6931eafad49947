#pragma once

// Private to src/catalogd: conversions of database rows.

#include "base/time.h"
#include "catalog/manifest.h"
#include "catalogd/store/sqlite.h"

namespace tarn::catalogd {

inline int64_t ToInteger(UnixMicros time) { return time.time_since_epoch().count(); }
inline UnixMicros ToTime(int64_t micros) { return UnixMicros(std::chrono::microseconds(micros)); }
inline uint64_t ToCount(int64_t number) { return static_cast<uint64_t>(number); }

inline constexpr const char* kManifestColumns =
    "name, dataset_id, version, created_at, updated_at, changed_by, content";
inline constexpr int kContentColumn = 6;

// Converts a row of kManifestColumns, except the content.
inline catalog::Manifest ToManifest(const SqliteStatement& row) {
  catalog::Manifest manifest;
  manifest.name = row.Text(0);
  manifest.dataset_id = row.Text(1);
  manifest.version = ToCount(row.Integer(2));
  manifest.created_at = ToTime(row.Integer(3));
  manifest.updated_at = ToTime(row.Integer(4));
  manifest.changed_by = row.Text(5);
  return manifest;
}

}  // namespace tarn::catalogd
