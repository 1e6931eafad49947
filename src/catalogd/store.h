#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "catalog/manifest.h"
#include "catalogd/sqlite.h"

namespace tarn::catalogd {

// What is said of a name that is not there; and of one that the asker may not know of.
Error NoSuchDataset(const std::string& name);

// The catalogue on disk: SQLite with a write-ahead log, flushed before a change is acknowledged
// (synchronous=FULL), locked against a second process. A change of the catalogue is one
// transaction that also counts the revision up.
//
// Thread-safe; calls block on the disk.
class Store {
 public:
  // In memory for ":memory:"; else a database in that folder, which is made when it is missing.
  static Result<std::unique_ptr<Store>> Open(const std::string& data_dir);

  Result<catalog::Snapshot> List();
  Result<catalog::Manifest> Get(const std::string& name);

  enum class PutOutcome { kCreated, kUpdated, kUnchanged };
  struct PutResult {
    PutOutcome outcome = PutOutcome::kUnchanged;
    catalog::Manifest manifest;
  };
  // An idempotent upsert: the same content changes nothing, other content gets an updated_at
  // that is strictly later than any that was given before. The name and content are valid.
  Result<PutResult> Put(const std::string& name, const catalog::DatasetContent& content);

  // kNotFound when there is no such dataset.
  Result<> Delete(const std::string& name);

  struct Counts {
    uint64_t revision = 0;
    uint64_t datasets = 0;
  };
  Result<Counts> Count();

 private:
  explicit Store(SqliteDatabase database) : database_(std::move(database)) {}
  Result<> Migrate();
  Result<std::optional<catalog::Manifest>> Find(const std::string& name);
  Result<PutResult> PutInTransaction(const std::string& name,
                                     const catalog::DatasetContent& content);
  Result<> DeleteInTransaction(const std::string& name);
  // Counts the revision up and gives the change its time.
  Result<UnixMicros> NextChange();

  std::mutex mutex_;
  SqliteDatabase database_;  // guarded by mutex_
};

}  // namespace tarn::catalogd
