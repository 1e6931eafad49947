#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/lakehouse.h"
#include "base/result.h"

namespace tarn::protocol {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // Empty for permanent credentials.

  bool operator==(const Credentials&) const = default;
};

// Where the objects of a lake are, in the terms of DuckDB: a bucket behind httpfs, or a folder.
struct ObjectStore {
  bool is_folder = false;
  std::string root;  // "s3://bucket/" or "/folder/": what all URLs begin with.
  // Of a bucket:
  std::string host;  // Without the scheme; empty for AWS.
  std::string region;
  bool use_ssl = true;
  bool use_path_style = false;

  // From [s3]; the error names the key that is wrong.
  static Result<ObjectStore> FromSettings(const S3Settings& settings);
  // A folder in place of a bucket: the key is the path below it.
  static ObjectStore Folder(const std::string& path);

  // The root in the form that URLs have: differs from it when a folder's own path has characters
  // of a pattern.
  std::string UrlRoot() const;

  // The object as read_parquet takes it. A key with a segment "." or ".." is refused. In a folder a
  // key cannot lead outside, and characters that DuckDB would read as a pattern are escaped; on S3
  // its setting s3_url_compatibility_mode turns patterns and query strings off.
  Result<std::string> Url(std::string_view key) const;
};

}  // namespace tarn::protocol
