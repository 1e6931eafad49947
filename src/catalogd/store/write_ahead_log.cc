#include "catalogd/store/write_ahead_log.h"

#include <filesystem>

#include "base/log.h"

namespace tarn::catalogd {
namespace {

// A younger list is likely to end soon by itself.
constexpr auto kListAge = std::chrono::seconds(2);
constexpr auto kRetryInterval = std::chrono::seconds(1);
// Multiples of the limit. Above the first one, lists of any age are ended, because new lists that
// overlap would keep the log for ever. Above the second one, changes are refused.
constexpr uint64_t kEndAllFactor = 2;
constexpr uint64_t kRefuseFactor = 4;

}  // namespace

uint64_t WriteAheadLog::Bytes() const {
  std::error_code code;
  const uintmax_t bytes = std::filesystem::file_size(path_, code);
  return code ? 0 : bytes;
}

WriteAheadLog::Level WriteAheadLog::LevelOf(uint64_t bytes) const {
  if (bytes <= bytes_max_) return Level::kNone;
  return bytes <= kEndAllFactor * bytes_max_ ? Level::kLarge : Level::kVeryLarge;
}

size_t WriteAheadLog::Bound(SqliteDatabase& writer, OpenListings& listings) {
  const uint64_t bytes = Bytes();
  const Level level = LevelOf(bytes);
  if (level == Level::kNone) {
    failed_level_ = Level::kNone;
    return 0;
  }
  const auto now = std::chrono::steady_clock::now();
  if (level <= failed_level_ && now < failed_at_ + kRetryInterval) return 0;
  const std::chrono::steady_clock::duration age =
      level == Level::kLarge ? kListAge : std::chrono::seconds(0);
  size_t ended = listings.End(age);
  // Copies the log into the database, which may take a second. The second call ends lists that were
  // opened meanwhile, so that they do not prevent the truncation.
  Result<> done = writer.Execute("PRAGMA wal_checkpoint(PASSIVE)");
  ended += listings.End(age);
  // Waits for other readers, but only briefly, because all changes wait too.
  if (done.ok()) done = writer.Execute("PRAGMA busy_timeout = 200");
  if (done.ok()) done = writer.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  const Result<> restored = writer.Execute(kBusyTimeout);
  if (done.ok()) done = restored;
  if (!done.ok()) {
    log::Warn("cannot truncate the write-ahead log", {{"error", done.error().message}});
  }
  failed_level_ = LevelOf(Bytes()) == Level::kNone ? Level::kNone : level;
  failed_at_ = std::chrono::steady_clock::now();
  if (ended > 0) {
    log::Warn("lists ended: the write-ahead log exceeded catalogd.wal_bytes_max",
              {{"lists", ended}, {"bytes", bytes}});
  }
  return ended;
}

Result<> WriteAheadLog::CheckRoom() {
  const uint64_t bytes = Bytes();
  const bool is_full = bytes > kRefuseFactor * bytes_max_;
  if (is_full && !is_refusing_) {
    log::Warn("changes refused: the write-ahead log exceeds catalogd.wal_bytes_max several times",
              {{"bytes", bytes}});
  }
  is_refusing_ = is_full;
  if (!is_full) return {};
  return Unavailable(
      "the write-ahead log of the catalogue is too large (catalogd.wal_bytes_max): repeat the "
      "request");
}

}  // namespace tarn::catalogd
