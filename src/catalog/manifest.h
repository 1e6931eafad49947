#pragma once

// The model of the catalogue: which Parquet objects make up which dataset. No I/O.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace tarn::catalog {

// The limits of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
inline constexpr size_t kKeyBytesMax = 1024;
inline constexpr size_t kNameBytesMax = 255;
inline constexpr size_t kEtagBytesMax = 1024;
inline constexpr size_t kFingerprintBytesMax = 1024;
inline constexpr size_t kColumnsMax = 10'000;
inline constexpr size_t kColumnNameBytesMax = 1024;
inline constexpr size_t kColumnTypeBytesMax = 16 * 1024;  // A STRUCT names all of its fields.

// One Parquet object of a dataset.
struct ObjectRef {
  std::string key;  // Within the lake's bucket.
  std::optional<int64_t> size_bytes;
  std::optional<std::string> etag;

  bool operator==(const ObjectRef&) const = default;
};

struct Column {
  std::string name;
  std::string type;  // As DuckDB writes it: "DECIMAL(18,2)", "STRUCT(a INTEGER, b VARCHAR[])".
  std::optional<bool> nullable;

  bool operator==(const Column&) const = default;
};

// What a client says of a dataset: everything in a manifest that is not the catalogue's own.
struct DatasetContent {
  std::vector<ObjectRef> objects;  // At least one.
  std::optional<int64_t> row_count;
  std::optional<std::string> schema_fingerprint;
  std::optional<std::vector<Column>> schema;  // At least one column, none twice.

  bool operator==(const DatasetContent&) const = default;
};

struct Manifest {
  std::string name;
  std::string dataset_id;  // Given once, kept through updates; new after delete and create.
  DatasetContent content;
  UnixMicros created_at;
  UnixMicros updated_at;  // Strictly later with each change of content.
  // Counts the changes of this dataset_id from 1; 0 where the catalogue does not say.
  uint64_t version = 0;
  std::string changed_by;  // The token of the last change; empty: not known, or there was none.
};

// A point in the history of one catalogue. As text, "ID.REVISION", it is what clients keep and show
// again: in an ETag, and in `since`. Revisions of catalogues with other ids cannot be compared.
struct Position {
  std::string catalog_id;  // Letters, digits, '-' and '_'; empty where the catalogue has none.
  uint64_t revision = 0;

  // Empty without a catalog_id: such a catalogue tells no changes.
  std::string Text() const;
  // None when it is no position.
  static std::optional<Position> Parse(std::string_view text);

  bool operator==(const Position&) const = default;
};

// Everything in the catalogue as of one revision.
struct Snapshot {
  uint64_t revision = 0;
  std::vector<Manifest> manifests;  // Ordered by name.
  std::string catalog_id;           // Empty where the catalogue has none.
};

// What a catalogue answers to one that knows an earlier revision of it.
struct Changes {
  Position position;  // As of which this is. The next `since`.
  // What the changes follow upon. None: `manifests` is the whole catalogue, and what is not in it
  // is not there.
  std::optional<uint64_t> since;
  std::vector<Manifest> manifests;   // Created or changed after `since`, each as it is now.
  std::vector<std::string> deleted;  // After `since`, and not there now.
};

// The rules for a name: UTF-8, 1 to 255 bytes, no control characters.
Result<> ValidateName(std::string_view name);

// The rules for content; the error names the field ("objects[3].key: …").
Result<> Validate(const DatasetContent& content);

}  // namespace tarn::catalog
