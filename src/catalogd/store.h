#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/identity.h"
#include "base/duration.h"
#include "catalog/manifest.h"
#include "catalogd/database.h"
#include "catalogd/sqlite.h"

namespace tarn::catalogd {

// What is said of a name that is not there; and of one that the asker may not know of.
Error NoSuchDataset(const std::string& name);

// A dataset as it is stored.
struct Record {
  catalog::Manifest manifest;  // Without content.
  std::string content;         // As FormatDatasetContent makes it.

  // The manifest.
  std::string Json() const;
  // DATASET_ID.VERSION: no two contents that a dataset ever had have the same.
  std::string Tag() const;
};

// One version of a dataset, or its deletion.
struct HistoryEntry {
  uint64_t revision = 0;
  std::string dataset_id;
  uint64_t version = 0;
  std::optional<std::string> content;  // None: it was deleted.
  UnixMicros updated_at;
};

class Listing;

// The catalogue on disk: SQLite with a write-ahead log, flushed before a change is acknowledged
// (synchronous=FULL), its folder locked against a second process. A change of the catalogue is one
// transaction that also counts the revision up and keeps what was there before.
//
// Changes go through one connection, one after the other; those that come while another is written
// share a commit. What reads has connections of its own and
// waits for no change; in memory there is one connection for all.
//
// Thread-safe; calls block on the disk.
class Store {
 public:
  struct Options {
    int64_t history_versions_max = 100;                   // Of each name, with the current one.
    Duration deleted_keep = std::chrono::hours(24 * 30);  // How long a deletion is known.
  };
  // In memory for ":memory:"; else a database in that folder, which is made when it is missing.
  static Result<std::unique_ptr<Store>> Open(const std::string& data_dir, Options options);
  static Result<std::unique_ptr<Store>> Open(const std::string& data_dir) {
    return Open(data_dir, Options());
  }

  // Called after each change, in their order, by the thread that made it. It must not block.
  using OnChange = std::function<void(const std::string& name)>;
  void SetOnChange(OnChange on_change) {
    const std::lock_guard lock(mutex_);
    on_change_ = std::move(on_change);
  }

  // As of the last change; does not block.
  catalog::Position Now() const { return {catalog_id_, revision_}; }
  // The same as somebody sees it to whom other datasets are not there: its revision is that of the
  // last change of what he sees, and its id is another for each scope, since what is there for one
  // is not what is there for the other.
  Result<catalog::Position> Now(const auth::DatasetScope& scope);

  Result<catalog::Snapshot> List();
  // What of the catalogue the scope allows, as JSON, piece by piece. Only what has changed since
  // that position, where this can be told. The store outlives it.
  Result<std::unique_ptr<Listing>> OpenListing(const auth::DatasetScope& scope,
                                               const std::optional<catalog::Position>& since);
  Result<Record> Get(const std::string& name);

  // Looks at what is there, or at null, in the transaction of the change; its error is the
  // change's.
  using Condition = std::function<Result<>(const Record* current)>;
  static Result<> Always(const Record* /*current*/) { return {}; }

  enum class PutOutcome { kCreated, kUpdated, kUnchanged };
  struct PutResult {
    PutOutcome outcome = PutOutcome::kUnchanged;
    Record record;
  };
  struct PutOptions {
    Condition condition = Always;
    bool allow_schema_change = false;
    bool touch = false;           // Makes a new version even if the content is the same.
    auth::KeyScope keys = {};     // The keys that the content may name; kForbidden for others.
    std::string changed_by = {};  // The name of the token; empty: there is none.
  };
  // An idempotent upsert: the same content changes nothing, other content gets an updated_at
  // that is strictly later than any that was given before. The name and content are valid.
  // kConflict for a schema whose types do not go with those that were there, and for a new dataset
  // whose name differs from that of another one by ASCII case only.
  Result<PutResult> Put(const std::string& name, const catalog::DatasetContent& content,
                        const PutOptions& options);
  Result<PutResult> Put(const std::string& name, const catalog::DatasetContent& content) {
    return Put(name, content, PutOptions());
  }

  // A new version of the same content. kNotFound when there is no such dataset, kForbidden when
  // its content names other keys than these.
  Result<PutResult> Touch(const std::string& name, const Condition& condition = Always,
                          const auth::KeyScope& keys = {}, const std::string& changed_by = {});

  // kNotFound when there is no such dataset.
  Result<> Delete(const std::string& name, const Condition& condition = Always);

  struct HistoryPage {
    std::vector<HistoryEntry> entries;  // Newest first.
    bool has_more = false;
  };
  // At most `count` entries that are older than the revision `before`; fewer when they are large.
  // kNotFound when nothing is known of such a name.
  Result<HistoryPage> History(const std::string& name, uint64_t before, size_t count);
  // Gives a dataset, also one that was deleted, the content of one of its versions, as a new
  // version. `dataset_id` selects a dataset that had the name; empty selects the last one.
  // kForbidden when that version names other keys than these.
  Result<PutResult> Restore(const std::string& name, const std::string& dataset_id,
                            uint64_t version, const Condition& condition,
                            const auth::KeyScope& keys = {}, const std::string& changed_by = {});

  struct Counts {
    uint64_t revision = 0;
    uint64_t datasets = 0;
  };
  Result<Counts> Count();

  // False in memory.
  bool is_on_disk() const { return readers_ != nullptr; }
  // Writes a whole copy, of one state, while others read and write. Its catalog_id is a new one:
  // who restores it continues from an earlier revision, and must not be taken for the catalogue
  // that had these revisions before. The file is put beside the database, and is the caller's to
  // remove; what a crash leaves there the next start removes.
  Result<std::string> Backup();

 private:
  struct Deletion {
    std::string dataset_id;
    uint64_t version = 0;
    UnixMicros created_at;
  };
  struct Change {
    uint64_t revision = 0;
    UnixMicros time;
  };

  Store(SqliteDatabase database, Options options)
      : database_(std::move(database)), options_(options) {}
  Result<> Prepare();
  void RemoveOldBackups() const;

  // Runs it in a transaction that reads: f(SqliteDatabase&) -> Result<…>.
  template <class F>
  std::invoke_result_t<F, SqliteDatabase&> Read(const F& f);
  // Of what the scope sees, the revision of the last change.
  Result<uint64_t> VisibleRevision(SqliteDatabase& database, const auth::DatasetScope& scope);
  std::string CatalogIdFor(const auth::DatasetScope& scope) const;
  Result<std::unique_ptr<Listing>> MakeListing(SqliteDatabase& database,
                                               const auth::DatasetScope& scope,
                                               const std::optional<catalog::Position>& since);

  // A change that waits for its transaction, whose commit several may share.
  struct Job {
    const std::string* name = nullptr;  // Of the dataset.
    std::function<Result<>()> run;      // In the transaction, with mutex_.
    Result<> result;
    bool changed = false;
    bool done = false;  // guarded by queue_mutex_
  };
  // Runs f() -> Result<…> as a change of that dataset.
  template <class F>
  std::invoke_result_t<F> RunChange(const std::string& name, const F& f);
  // Whoever finds nobody at it runs all that wait, his own among them; the others wait for him. So
  // while one commit is flushed to the disk, the next one gathers.
  void Submit(Job& job);
  void RunBatch(const std::vector<Job*>& batch);
  // An error is that of the whole transaction: nothing was changed.
  Result<> RunTogether(const std::vector<Job*>& batch);

  // In a transaction of database_, with mutex_.
  Result<PutResult> PutInTransaction(const std::string& name,
                                     const catalog::DatasetContent& content,
                                     const PutOptions& options);
  Result<PutResult> RestoreInTransaction(const std::string& name, std::string dataset_id,
                                         uint64_t version, const Condition& condition,
                                         const auth::KeyScope& keys, const std::string& changed_by);
  Result<> DeleteInTransaction(const std::string& name, const Condition& condition);
  Result<std::optional<Deletion>> FindDeletion(const std::string& name);
  // For a name without a dataset. kConflict if SQL cannot distinguish the name from that of another
  // dataset. The error omits the other name, which the client may not be allowed to see.
  Result<> RequireNameOfItsOwn(const std::string& name);
  Result<PutResult> Write(const std::string& name, std::string content,
                          const std::optional<Record>& current,
                          const std::optional<Deletion>& revived, const std::string& changed_by);
  // Counts the revision up and gives the change its time.
  Result<Change> NextChange();
  // Moves what the tables have of a name into its history.
  Result<> KeepHistory(const std::string& name);
  // Forgets what is kept too long: of this name, and of some that were deleted long ago.
  Result<> Forget(const std::string& name, UnixMicros now);
  // After the commit.
  void Announce(const std::vector<Job*>& batch);

  std::string path_;  // Of the database's file; empty in memory.
  std::optional<FolderLock> lock_;
  std::mutex queue_mutex_;
  std::condition_variable turn_;  // With queue_mutex_.
  std::deque<Job*> queue_;        // guarded by queue_mutex_
  bool leading_ = false;          // guarded by queue_mutex_: somebody runs changes
  std::mutex mutex_;
  SqliteDatabase database_;     // guarded by mutex_
  uint64_t next_revision_ = 0;  // guarded by mutex_: of the transaction that is under way
  const Options options_;
  std::string catalog_id_;  // Does not change once the store is open.
  std::atomic<uint64_t> revision_ = 0;
  OnChange on_change_;                   // guarded by mutex_
  std::unique_ptr<ReaderPool> readers_;  // Null in memory.
  std::mutex backup_mutex_;              // Held while one is written.

  // What is known of a scope: up to `checked`, its last change is `visible`.
  struct Seen {
    uint64_t checked = 0;
    uint64_t visible = 0;
  };
  std::mutex seen_mutex_;
  std::map<auth::DatasetScope, Seen> seen_;  // guarded by seen_mutex_
};

}  // namespace tarn::catalogd
