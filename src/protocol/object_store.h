#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/lakehouse.h"

namespace tarn::protocol {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // Empty for permanent credentials.

  bool operator==(const Credentials&) const = default;
};

// The location of a lake's objects in terms of DuckDB: a bucket behind httpfs, or a folder.
struct ObjectStore {
  bool is_folder = false;
  std::string root;  // "s3://bucket/" or "/folder/": the prefix of all URLs.
  // Only for a bucket:
  std::string host;  // Without the scheme; empty for AWS.
  std::string region;
  bool use_ssl = true;
  bool use_path_style = false;

  // The store of [s3]; the error names the invalid key.
  static Result<ObjectStore> FromSettings(const S3Settings& settings);
  // A folder instead of a bucket: the key is the path below it.
  static ObjectStore Folder(const std::string& path);
  // Fails for a folder from which DuckDB could not read any object; see Url.
  static Result<> CheckFolder(const std::string& path);

  // The root as in URLs. Differs from it if a folder's path has pattern characters.
  std::string UrlRoot() const;

  // The URL of an object for read_parquet. A key with a segment "." or ".." is an error. In a
  // folder, a key cannot leave the folder, and pattern characters are escaped. In a pattern DuckDB
  // takes a backslash for a slash, so a path with both is an error. On S3, DuckDB's setting
  // s3_url_compatibility_mode disables patterns and query strings.
  Result<std::string> Url(std::string_view key) const;
};

}  // namespace tarn::protocol
