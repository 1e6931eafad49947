#pragma once

// A bucket as somebody names it on a command line: s3://BUCKET[/PREFIX].

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/lakehouse.h"
#include "s3/client.h"

namespace tarn::cli {

struct BucketUrl {
  std::string bucket;
  std::string prefix;  // What keys begin with: empty, or ends with '/'.

  // Whether that is what is meant: it begins with "s3://".
  static bool Is(std::string_view text);
  static Result<BucketUrl> Parse(std::string_view text);
  std::string Text() const;
};

// How that bucket is reached: what the daemons read has [s3], [tls] and queryd.secrets_path; the
// file of LoadSettings need not be there. Where it and the environment say nothing, AWS_REGION or
// AWS_DEFAULT_REGION give the region, and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN the credentials. The bucket is that of the URL.
Result<LakehouseSettings> SettingsOfBucket(const BucketUrl& url, const std::string& config_path);

// The bucket of [s3], with the credentials that queryd would have.
Result<s3::Bucket> OpenBucket(const LakehouseSettings& settings);

}  // namespace tarn::cli
