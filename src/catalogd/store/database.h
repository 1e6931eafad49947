#pragma once

// Private to src/catalogd: the database file, its schema and its locks.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "catalogd/store/sqlite.h"

namespace tarn::catalogd {

inline constexpr const char* kInMemory = ":memory:";

// Migrates a database to the newest schema version. Databases from a newer program are rejected.
Result<> Migrate(SqliteDatabase& database);

// The only row of the table `catalogue`.
struct Catalogue {
  std::string id;
  uint64_t revision = 0;
  uint64_t forgotten = 0;  // Some deletions up to this revision are no longer stored.
  uint64_t datasets = 0;
  uint64_t bytes = 0;  // The bytes of all manifests in a list.
};
Result<Catalogue> ReadCatalogue(SqliteDatabase& database);

// Makes the database file accessible only to its owner, regardless of the umask, and creates an
// empty file if it is missing. SQLite gives its auxiliary files (-wal, -shm, -journal) the mode of
// the database; existing ones are changed too. Call it before opening the database. A failure to
// change a mode is logged.
void RestrictToOwner(const std::string& path);

// An exclusive lock on a folder against other catalogds, released by the destructor. The lock file
// also stores the last position of the database, so that a restored older copy is detected.
class FolderLock {
 public:
  // kUnavailable if another process holds the lock.
  static Result<FolderLock> Acquire(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

  // The position stored last. It is not flushed to the disk, so after a power failure it may be
  // older.
  std::string StoredPosition() const;
  void StorePosition(const std::string& text);

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// Read-only connections. Each has a transaction, so that it sees one state of the database, waits
// for no writer and blocks none (https://www.sqlite.org/wal.html). Thread-safe.
class ReaderPool {
 public:
  explicit ReaderPool(std::string path) : path_(std::move(path)) {}

  // A connection in a transaction, used by one thread at a time. Its statements must be destroyed
  // before it. The pool outlives it.
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
  Mutex mutex_;
  std::vector<std::unique_ptr<SqliteDatabase>> idle_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::catalogd
