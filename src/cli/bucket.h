#pragma once

// A bucket named by a URL on the command line: s3://BUCKET[/PREFIX].

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/lakehouse.h"
#include "s3/client.h"

namespace tarn::cli {

struct BucketUrl {
  std::string bucket;
  std::string prefix;  // The beginning of all keys. Empty, or ends with '/'.

  // True if the text begins with "s3://".
  static bool Is(std::string_view text);
  static Result<BucketUrl> Parse(std::string_view text);
  std::string Text() const;
};

// The settings to connect to the bucket: [s3], [tls] and queryd.secrets_path of the lakehouse.toml,
// which may be missing, and of the environment. If these do not set the region, AWS_REGION or
// AWS_DEFAULT_REGION does. If they do not set credentials, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
// and AWS_SESSION_TOKEN do. The name of the bucket comes from the URL.
Result<LakehouseSettings> SettingsOfBucket(const BucketUrl& url, const std::string& config_path);

// Opens the bucket of [s3] with the credentials that queryd would use.
Result<s3::Bucket> OpenBucket(const LakehouseSettings& settings);

}  // namespace tarn::cli
