#pragma once

// The model of the catalogue: datasets and their Parquet objects. No I/O.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace tarn::catalog {

// The limits that S3 sets: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
inline constexpr size_t kKeyBytesMax = 1024;
inline constexpr size_t kNameBytesMax = 255;
inline constexpr size_t kEtagBytesMax = 1024;
inline constexpr size_t kFingerprintBytesMax = 1024;
inline constexpr size_t kColumnsMax = 10'000;
inline constexpr size_t kColumnNameBytesMax = 1024;
// A STRUCT type includes all of its fields.
inline constexpr size_t kColumnTypeBytesMax = 16 * 1024;

// One Parquet object of a dataset.
struct ObjectRef {
  std::string key;  // Within the lake's bucket.
  std::optional<int64_t> size_bytes;
  std::optional<std::string> etag;

  bool operator==(const ObjectRef&) const = default;
};

struct Column {
  std::string name;
  std::string type;  // In DuckDB's notation: "DECIMAL(18,2)", "STRUCT(a INTEGER, b VARCHAR[])".
  std::optional<bool> nullable;

  bool operator==(const Column&) const = default;
};

// The part of a manifest that clients set.
struct DatasetContent {
  std::vector<ObjectRef> objects;  // At least one.
  std::optional<int64_t> row_count;
  std::optional<std::string> schema_fingerprint;
  std::optional<std::vector<Column>> schema;  // At least one column, without duplicates.

  bool operator==(const DatasetContent&) const = default;
};

struct Manifest {
  std::string name;
  std::string dataset_id;  // Constant through updates; new after delete and create.
  DatasetContent content;
  UnixMicros created_at;
  UnixMicros updated_at;  // Strictly later with each change of the content.
  // Counts the changes of this dataset_id from 1; 0 if unknown.
  uint64_t version = 0;
  std::string changed_by;  // The token of the last change; empty if unknown or without a token.
};

// A revision of one catalogue. Clients store its text, "ID.REVISION", and send it back in an ETag
// or in `since`. Revisions of catalogues with different ids are not comparable.
struct Position {
  std::string catalog_id;  // Letters, digits, '-' and '_'; empty if the catalogue has no id.
  uint64_t revision = 0;

  // Empty without a catalog_id: such a catalogue does not report changes.
  std::string Text() const;
  // Returns nullopt if the text is not a position.
  static std::optional<Position> Parse(std::string_view text);

  bool operator==(const Position&) const = default;
};

// The complete catalogue at one revision.
struct Snapshot {
  uint64_t revision = 0;
  std::vector<Manifest> manifests;  // Ordered by name.
  std::string catalog_id;           // Empty if the catalogue has no id.
};

// The response to a client with an earlier revision of the catalogue.
struct Changes {
  Position position;  // The current position; the next `since`.
  // The revision that the changes follow. nullopt: `manifests` is the complete catalogue.
  std::optional<uint64_t> since;
  std::vector<Manifest> manifests;   // Created or changed after `since`, in their current state.
  std::vector<std::string> deleted;  // Deleted after `since` and not created again.
};

// Checks a name: UTF-8, 1 to 255 bytes, no control characters.
Result<> ValidateName(std::string_view name);

// Checks a schema against the limits of the catalogue; the error names the field ("schema[3].name:
// …").
Result<> ValidateSchema(const std::vector<Column>& columns);

// Checks the content; the error names the field ("objects[3].key: …").
Result<> Validate(const DatasetContent& content);

}  // namespace tarn::catalog
