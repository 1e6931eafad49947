#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/lakehouse.h"
#include "protocol/object_store.h"

namespace tarn::queryd {

// Tarn's one logical bucket; a secrets file may hold credentials for others too.
inline constexpr std::string_view kPrimaryBucket = "primary";

// Where credentials come from. Asked each time they are needed, so that they can change.
// Thread-safe.
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
// and falls back to [s3] of lakehouse.toml where there is no such file, or no such bucket in it.
// A file that others than its owner can read is refused.
class FileSecretsProvider : public SecretsProvider {
 public:
  FileSecretsProvider(std::string path, const S3Settings& fallback);
  Result<protocol::Credentials> Get(std::string_view logical_bucket) const override;

 private:
  const std::string path_;  // Empty: only the fallback.
  const protocol::Credentials fallback_;
};

}  // namespace tarn::queryd
