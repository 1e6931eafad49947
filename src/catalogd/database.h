#pragma once

// Private to src/catalogd: the database's file, its tables, and who may open it.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "catalogd/sqlite.h"

namespace tarn::catalogd {

inline constexpr const char* kInMemory = ":memory:";

// Brings a database to the newest version of the tables; those of a newer program are refused.
Result<> Migrate(SqliteDatabase& database);

// Makes the file of a database readable by its owner alone, whatever the umask is, and creates an
// empty one where it is missing. SQLite gives the files that it puts beside it (-wal, -shm,
// -journal) the mode of the database; those that are there already are changed too. Call it before
// the database is opened. A mode that cannot be changed is logged.
void RestrictToOwner(const std::string& path);

// Keeps other catalogds from a folder for as long as it lives, and remembers outside of the
// database how far that has come, so that one that was put back is noticed.
class FolderLock {
 public:
  // kUnavailable when somebody else has it.
  static Result<FolderLock> Take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

  // What was noted last: not flushed to the disk, so that after a power cut it may be older.
  std::string Noted() const;
  void Note(const std::string& text);

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// Connections that only read. Each has a transaction, so that it sees one state, and neither waits
// for a writer nor holds one up (https://www.sqlite.org/wal.html). Thread-safe.
class ReaderPool {
 public:
  explicit ReaderPool(std::string path) : path_(std::move(path)) {}

  // A connection in a transaction, used by one thread at a time. Statements made of it end before
  // it does; the pool outlives it.
  class Reader {
   public:
    Reader(Reader&&) = default;
    Reader& operator=(Reader&&) = delete;
    ~Reader();
    SqliteDatabase& database() { return *database_; }

   private:
    friend class ReaderPool;
    Reader(ReaderPool& pool, std::unique_ptr<SqliteDatabase> database)
        : pool_(&pool), database_(std::move(database)) {}
    ReaderPool* pool_;
    std::unique_ptr<SqliteDatabase> database_;
  };
  Result<Reader> Borrow();

 private:
  static constexpr size_t kIdleMax = 4;

  const std::string path_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SqliteDatabase>> idle_;  // guarded by mutex_
};

}  // namespace tarn::catalogd
