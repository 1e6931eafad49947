#pragma once

#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "auth/token_file.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/text_hash.h"
#include "config/lakehouse.h"

namespace tarn::auth {

// The tokens of a file, reloaded within a second of a change. If reloading fails, the error is
// logged and the previous tokens stay valid. Thread-safe.
class TokenStore {
 public:
  static Result<std::unique_ptr<TokenStore>> Open(const std::string& path, Metrics& metrics);
  // The tokens of [auth]; null if it has no file.
  static Result<std::unique_ptr<TokenStore>> Open(const AuthSettings& settings, Metrics& metrics);

  // Returns the identity of a token; null if the token is unknown.
  std::shared_ptr<const Identity> Find(std::string_view token);

 private:
  struct Entry {
    Token token;
    std::shared_ptr<const Identity> identity;
  };
  using Table = TextMap<Entry>;  // By id.
  using Clock = std::chrono::steady_clock;
  // File attributes that change when the file is written or replaced.
  struct Stamp {
    ino_t inode = 0;
    off_t size = 0;
    int64_t modified_ns = 0;
    bool operator==(const Stamp&) const = default;
  };

  TokenStore(std::string path, Metrics& metrics);
  Stamp StampOf() const;
  Result<std::shared_ptr<const Table>> Read() const;
  std::shared_ptr<const Table> Current();

  const std::string path_;
  prometheus::Counter& reloaded_;
  prometheus::Counter& failed_;
  const Token dummy_token_;  // Compared with client tokens of unknown id.
  Mutex mutex_;
  std::shared_ptr<const Table> table_ TARN_GUARDED_BY(mutex_);
  Stamp stamp_ TARN_GUARDED_BY(mutex_);  // The file at the last check.
  Clock::time_point checked_at_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::auth
