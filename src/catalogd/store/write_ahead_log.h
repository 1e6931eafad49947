#pragma once

// Private to src/catalogd: the limit for the write-ahead log of the database.

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "catalogd/store/listing.h"
#include "catalogd/store/sqlite.h"

namespace tarn::catalogd {

// The time that the writing connection waits for other programs with locks on the file.
inline constexpr const char* kBusyTimeout = "PRAGMA busy_timeout = 5000";

// Bounds the file of the write-ahead log. SQLite cannot reuse the log while a reader has an older
// snapshot, and a list keeps its snapshot as long as its client takes to read it. So changes beyond
// the limit end lists. Used by one thread at a time.
class WriteAheadLog {
 public:
  WriteAheadLog(const std::string& database_path, uint64_t bytes_max)
      : path_(database_path + "-wal"), bytes_max_(bytes_max) {}

  uint64_t Bytes() const;
  // Truncates a log larger than the limit, and ends the lists that prevent it. The writing
  // connection must not be in a transaction. Returns the number of ended lists.
  size_t Bound(SqliteDatabase& writer, OpenListings& listings);
  // kUnavailable if the log is so large that changes must wait.
  Result<> CheckRoom();

 private:
  // The excess of the log, which decides which lists are ended.
  enum class Level { kNone, kLarge, kVeryLarge };
  Level LevelOf(uint64_t bytes) const;

  const std::string path_;
  const uint64_t bytes_max_;
  // The last attempt that did not bring the log below the limit.
  Level failed_level_ = Level::kNone;
  std::chrono::steady_clock::time_point failed_at_;
  bool is_refusing_ = false;
};

}  // namespace tarn::catalogd
