#pragma once

#include <optional>
#include <string>

#include "config/lakehouse.h"
#include "s3/client.h"

namespace tarn::catalogd {

// The checked settings of the Iceberg catalog.
struct IcebergOptions {
  IcebergSettings settings;
  s3::Bucket data;         // With the keys to read Parquet objects.
  s3::Bucket metadata;     // The same bucket with the keys to write metadata.
  std::string bucket_uri;  // "s3://lake/"
  std::string endpoint;    // For clients: a URL; empty for AWS.

  bool VendsCredentials() const { return !settings.vended_access_key_id.empty(); }
};

// The options, or the reason why the catalog is off.
struct IcebergChoice {
  std::optional<IcebergOptions> options;
  std::string off_reason;
};

// Adds the keys to the process's redactor. The error names the invalid setting.
Result<IcebergChoice> ChooseIceberg(const LakehouseSettings& settings);

}  // namespace tarn::catalogd
