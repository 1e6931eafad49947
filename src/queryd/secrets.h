#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/lakehouse.h"
#include "protocol/object_store.h"

namespace tarn::queryd {

// Tarn's only logical bucket. A secrets file may contain credentials for others too.
inline constexpr std::string_view kPrimaryBucket = "primary";

// A source of credentials. It is asked before each use, because they can change. Thread-safe.
class SecretsProvider {
 public:
  virtual ~SecretsProvider() = default;
  virtual Result<protocol::Credentials> Get(std::string_view logical_bucket) const = 0;
};

// Reads queryd.secrets_path at each call:
//   [s3.primary]
//   access_key_id = "…"
//   secret_access_key = "…"
//   session_token = "…"      # of temporary credentials
// Falls back to [s3] of lakehouse.toml if the file does not exist or does not name the bucket.
// Refuses a file that other users can read.
class FileSecretsProvider : public SecretsProvider {
 public:
  FileSecretsProvider(std::string path, const S3Settings& fallback);
  Result<protocol::Credentials> Get(std::string_view logical_bucket) const override;

 private:
  const std::string path_;  // Empty: the fallback is always used.
  const protocol::Credentials fallback_;
};

}  // namespace tarn::queryd
