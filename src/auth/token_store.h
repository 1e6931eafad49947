#pragma once

#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "auth/token_file.h"
#include "base/lakehouse.h"
#include "base/metrics.h"

namespace tarn::auth {

// The tokens of a file, read anew within a second of its change. A file that cannot be read then is
// logged, and the former tokens stay good. Thread-safe.
class TokenStore {
 public:
  static Result<std::unique_ptr<TokenStore>> Open(const std::string& path, Metrics& metrics);
  // Those of [auth]; null where it names no file.
  static Result<std::unique_ptr<TokenStore>> Open(const AuthSettings& settings, Metrics& metrics);

  // Whose token it is; null when it is nobody's.
  std::shared_ptr<const Identity> Find(std::string_view token);

 private:
  struct Entry {
    Token token;
    std::shared_ptr<const Identity> identity;
  };
  using Table = std::unordered_map<std::string, Entry>;  // By id.
  using Clock = std::chrono::steady_clock;
  // What of a file changes when it is written or replaced.
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
  const Token nobody_;  // What a token of no known id is compared with.
  std::mutex mutex_;
  std::shared_ptr<const Table> table_;  // guarded by mutex_
  Stamp stamp_;                         // guarded by mutex_: of the file when it was looked at
  Clock::time_point looked_at_;         // guarded by mutex_
};

}  // namespace tarn::auth
