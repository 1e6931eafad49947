#pragma once

// A bucket on a command line: s3://BUCKET[/PREFIX].

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/lakehouse.h"
#include "s3/client.h"

namespace tarn::cli {

struct BucketUrl {
  std::string bucket;
  std::string prefix;  // Empty, or ends with '/'.

  // Returns true if the text begins with "s3://".
  static bool Is(std::string_view text);
  static Result<BucketUrl> Parse(std::string_view text);
  std::string Text() const;
};

// Returns the settings to reach the bucket of the URL. They come from LoadSettings: [s3], [tls] and
// queryd.secrets_path. If they have no region, it comes from AWS_REGION or AWS_DEFAULT_REGION. If
// they have no credentials, these come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN.
Result<LakehouseSettings> SettingsOfBucket(const BucketUrl& url, const std::string& config_path);

// Returns the bucket of [s3], with the same credentials as in queryd.
Result<s3::Bucket> OpenBucket(const LakehouseSettings& settings);

}  // namespace tarn::cli
