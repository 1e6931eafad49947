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

// One Parquet object of a dataset.
struct ObjectRef {
  std::string key;  // Within the lake's bucket.
  std::optional<int64_t> size_bytes;
  std::optional<std::string> etag;

  bool operator==(const ObjectRef&) const = default;
};

// What a client says of a dataset: everything in a manifest that is not the catalogue's own.
struct DatasetContent {
  std::vector<ObjectRef> objects;  // At least one.
  std::optional<int64_t> row_count;
  std::optional<std::string> schema_fingerprint;

  bool operator==(const DatasetContent&) const = default;
};

struct Manifest {
  std::string name;
  std::string dataset_id;  // Given once, kept through updates; new after delete and create.
  DatasetContent content;
  UnixMicros created_at;
  UnixMicros updated_at;  // Strictly later with each change of content.
};

// Everything in the catalogue as of one revision.
struct Snapshot {
  uint64_t revision = 0;
  std::vector<Manifest> manifests;  // Ordered by name.
};

// The rules for a name: UTF-8, 1 to 255 bytes, no control characters.
Result<> ValidateName(std::string_view name);

// The rules for content; the error names the field ("objects[3].key: …").
Result<> Validate(const DatasetContent& content);

}  // namespace tarn::catalog
