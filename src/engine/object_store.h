#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/lakehouse.h"
#include "base/result.h"

namespace tarn::engine {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // Empty for permanent credentials.

  bool operator==(const Credentials&) const = default;
};

// Where the objects of a lake are, in the terms of DuckDB: a bucket behind httpfs, or a folder.
class ObjectStore {
 public:
  // From [s3]; the error names the key that is wrong.
  static Result<ObjectStore> FromSettings(const S3Settings& settings);
  // A folder in place of a bucket: the key is the path below it.
  static ObjectStore Folder(const std::string& path);

  bool is_folder() const { return is_folder_; }

  // "s3://bucket/" or "/folder/": what all URLs begin with, and all that SQL may read.
  const std::string& root() const { return root_; }
  // The same in the form that URLs have: differs from the root when a folder's own path has
  // characters of a pattern.
  std::string url_root() const;

  // The object as read_parquet takes it. A key with a segment "." or ".." is refused. In a folder a
  // key cannot lead outside, and characters that DuckDB would read as a pattern are escaped; on S3
  // its setting s3_url_compatibility_mode turns patterns and query strings off.
  Result<std::string> Url(std::string_view key) const;

  // CREATE OR REPLACE SECRET … for a bucket.
  std::string CreateSecretSql(const Credentials& credentials) const;

 private:
  bool is_folder_ = false;
  std::string root_;
  std::string host_;  // Without the scheme; empty for AWS.
  std::string region_;
  bool use_ssl_ = true;
  bool use_path_style_ = false;
};

}  // namespace tarn::engine
