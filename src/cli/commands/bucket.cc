#include "cli/commands/bucket.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/redact.h"
#include "cli/commands/remote.h"
#include "cli/terminal/environment.h"
#include "queryd/secrets.h"

namespace tarn::cli {
namespace {

constexpr std::string_view kScheme = "s3://";

// Accepts the characters of all servers' rules for names. A name can become a part of the host.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
bool IsBucketName(std::string_view name) {
  return !name.empty() && name.size() <= 255 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

}  // namespace

bool BucketUrl::Is(std::string_view text) { return text.starts_with(kScheme); }

Result<BucketUrl> BucketUrl::Parse(std::string_view text) {
  std::string_view rest = text.substr(kScheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  BucketUrl url{.bucket = std::string(rest.substr(0, slash)), .prefix = {}};
  rest.remove_prefix(std::min(slash + 1, rest.size()));
  if (!IsBucketName(url.bucket)) {
    return InvalidArgument(fmt::format(
        "\"{}\" has no valid bucket name: use s3://BUCKET or s3://BUCKET/PREFIX", text));
  }
  url.prefix = rest;
  if (!rest.empty() && !rest.ends_with('/')) url.prefix += '/';
  return url;
}

std::string BucketUrl::Text() const { return fmt::format("{}{}/{}", kScheme, bucket, prefix); }

Result<LakehouseSettings> SettingsOfBucket(const BucketUrl& url, const std::string& config_path) {
  LakehouseSettings defaults;
  // AWS_REGION has precedence.
  for (const char* name : {"AWS_DEFAULT_REGION", "AWS_REGION"}) {
    const std::string region = Environment(name);
    if (!region.empty()) defaults.s3.region = region;
  }
  TARN_TRY(LakehouseSettings settings, LoadSettings(config_path, std::move(defaults)));
  settings.s3.bucket = url.bucket;
  // Takes all three from one source, because a session token belongs to its key.
  if (settings.s3.access_key_id.empty()) {
    settings.s3.access_key_id = Environment("AWS_ACCESS_KEY_ID");
    settings.s3.secret_access_key = Environment("AWS_SECRET_ACCESS_KEY");
    settings.s3.session_token = Environment("AWS_SESSION_TOKEN");
  }
  TARN_TRY(const protocol::ObjectStore store, protocol::ObjectStore::FromSettings(settings.s3));
  if (store.is_folder) {
    return InvalidArgument(fmt::format(
        "s3.endpoint \"{}\" is a folder, which has no buckets: use the folder {} itself",
        settings.s3.endpoint, store.root));
  }
  return settings;
}

Result<s3::Bucket> OpenBucket(const LakehouseSettings& settings) {
  TARN_TRY(const protocol::ObjectStore store, protocol::ObjectStore::FromSettings(settings.s3));
  const queryd::FileSecretsProvider secrets(settings.queryd.secrets_path, settings.s3);
  TARN_TRY(const protocol::Credentials credentials, secrets.Get(queryd::kPrimaryBucket));
  for (const std::string* secret :
       {&credentials.access_key_id, &credentials.secret_access_key, &credentials.session_token}) {
    ProcessRedactor().Add(*secret);
  }
  return s3::Bucket{.store = store,
                    .credentials = credentials,
                    .tls_verify = settings.tls.verify,
                    .tls_ca_path = settings.tls.ca_path};
}

}  // namespace tarn::cli
