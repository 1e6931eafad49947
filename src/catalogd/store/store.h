#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "auth/identity.h"
#include "base/duration.h"
#include "base/mutex.h"
#include "catalog/manifest.h"
#include "catalogd/store/database.h"
#include "catalogd/store/limits.h"
#include "catalogd/store/rows.h"
#include "catalogd/store/sqlite.h"

namespace tarn::catalogd {

// The error for a missing dataset, and for one that the client may not see.
Error NoSuchDatasetError(const std::string& name);

// DATASET_ID.VERSION, unique for each version of a dataset.
std::string TagOf(const catalog::Manifest& manifest);

// A stored dataset.
struct Record {
  catalog::Manifest manifest;  // Without content.
  std::string content;         // In the format of FormatDatasetContent.

  // The manifest.
  std::string Json() const;
};

// One version of a dataset, or its deletion.
struct HistoryEntry {
  uint64_t revision = 0;
  std::string dataset_id;
  uint64_t version = 0;
  std::optional<std::string> content;  // nullopt for a deletion.
  UnixMicros updated_at;
};

// The state of a dataset's Iceberg table.
struct IcebergState {
  std::string field_ids;  // JSON, see iceberg::FieldIds.
  // The last metadata whose objects were written; empty if there is none.
  std::string metadata = {};
  std::string metadata_location = {};
};

class Listing;

// The catalogue on disk: SQLite with a write-ahead log that is flushed before a change is
// acknowledged (synchronous=FULL). The folder is locked against a second process. A change is one
// transaction that also increments the revision and moves the previous state to the history.
//
// Changes use one connection, one after the other; changes that arrive during a commit share the
// next one. Readers have their own connections and never wait for changes; in memory, one
// connection serves all. A large manifest is read, parsed and compared before the transaction that
// needs it, so that other changes do not wait for that.
//
// Thread-safe; calls block on the disk.
class Store {
 public:
  struct Options {
    int64_t history_versions_max = 100;  // For each name, including the current one.
    // The limit for the former versions and deletions by one token that is limited to datasets.
    int64_t history_bytes_max_per_token = 256'000'000;
    Duration deleted_keep = std::chrono::hours(24 * 30);  // The retention of deletions.
    DatasetLimits limits = {};
    // The limit for the states of all Iceberg tables. Those of one token may have half of it.
    int64_t iceberg_bytes_max = 1'000'000'000;
  };
  // Opens a database in this folder, which is created if missing, or in memory for ":memory:".
  static Result<std::unique_ptr<Store>> Open(const std::string& data_dir, Options options);
  static Result<std::unique_ptr<Store>> Open(const std::string& data_dir) {
    return Open(data_dir, Options());
  }

  // Called after each change, in order, by the thread that made it. Must not block.
  using OnChange = std::function<void(const std::string& name)>;
  void SetOnChange(OnChange on_change) {
    const MutexLock lock(mutex_);
    on_change_ = std::move(on_change);
  }

  // The position after the last change; does not block.
  catalog::Position Now() const { return {catalog_id_, revision_}; }
  // The position visible to a scope. Its revision is that of the last visible change. Its id
  // differs for each scope, because scopes see different catalogues.
  Result<catalog::Position> Now(const auth::DatasetScope& scope);

  Result<catalog::Snapshot> List();
  // Opens the part of the catalogue that the scope allows, as JSON in pieces; only the changes
  // since a position if they are known. The store outlives the listing.
  Result<std::unique_ptr<Listing>> OpenListing(const auth::DatasetScope& scope,
                                               const std::optional<catalog::Position>& since);
  // Reserves memory for contents before they are read. An error rejects the call, which then
  // changes nothing. Must not block.
  using Reserve = std::function<Result<>(uint64_t bytes)>;
  static Result<> AnyMemory(uint64_t /*bytes*/) { return {}; }

  // The manifest without its content.
  Result<catalog::Manifest> Find(const std::string& name);
  Result<Record> Get(const std::string& name, const Reserve& reserve = AnyMemory);

  // Checks the current dataset (null if there is none) in the transaction of a change. An error
  // from it rejects the change.
  using Condition = std::function<Result<>(const catalog::Manifest* current)>;
  static Result<> Always(const catalog::Manifest* /*current*/) { return {}; }

  // A manifest with more bytes is large.
  static constexpr uint64_t kLargeBytes = 64 * 1024;

  // kIsLarge: nothing was done, see ChangeOptions::only_small.
  enum class PutOutcome { kCreated, kUpdated, kUnchanged, kIsLarge };
  struct PutResult {
    PutOutcome outcome = PutOutcome::kUnchanged;
    Record record;
  };
  struct ChangeOptions {
    Condition condition = Always;
    auth::KeyScope keys = {};     // The allowed keys; kForbidden for others.
    std::string changed_by = {};  // The name of the token; empty if there is none.
    bool is_tenant = false;       // The token is limited to datasets.
    Reserve reserve = AnyMemory;  // For the content in the result.
    // The change must not read or parse a large stored manifest, which takes long.
    bool only_small = false;
  };
  struct PutOptions {
    ChangeOptions change = {};
    bool allow_schema_change = false;
    bool touch = false;  // Creates a new version even if the content is equal.
  };
  // Creates or updates a dataset. Equal content changes nothing; other content gets an updated_at
  // that is strictly later than all previous ones. Name and content must be valid. kConflict for a
  // schema that is incompatible with the current types, and for a new dataset whose name differs
  // from an existing one only in ASCII case. kTooLarge if it would exceed the limits.
  Result<PutResult> Put(const std::string& name, const catalog::DatasetContent& content,
                        const PutOptions& options);
  Result<PutResult> Put(const std::string& name, const catalog::DatasetContent& content) {
    return Put(name, content, PutOptions());
  }

  // Creates a new version with the same content. kNotFound if the dataset does not exist;
  // kForbidden if its content has keys outside of the allowed ones.
  Result<PutResult> Touch(const std::string& name, const ChangeOptions& options);
  Result<PutResult> Touch(const std::string& name) { return Touch(name, ChangeOptions()); }

  // Deletes a dataset. kNotFound if it does not exist. The keys do not matter.
  Result<> Delete(const std::string& name, const ChangeOptions& options);
  Result<> Delete(const std::string& name) { return Delete(name, ChangeOptions()); }

  struct HistoryPage {
    std::vector<HistoryEntry> entries;  // Newest first.
    bool has_more = false;
  };
  // Returns at most `count` entries older than the revision `before`; fewer if they are large.
  // kNotFound for an unknown name.
  Result<HistoryPage> History(const std::string& name, uint64_t before, size_t count,
                              const Reserve& reserve = AnyMemory);
  // Restores the content of an earlier version as a new version, also of a deleted dataset.
  // `dataset_id` selects one of the datasets with that name; empty selects the last one. kForbidden
  // if the version has keys outside of the allowed ones.
  Result<PutResult> Restore(const std::string& name, const std::string& dataset_id,
                            uint64_t version, const ChangeOptions& options);
  Result<PutResult> Restore(const std::string& name, const std::string& dataset_id,
                            uint64_t version) {
    return Restore(name, dataset_id, version, ChangeOptions());
  }

  // Returns up to `count` names of the scope that are greater than `after`, in order.
  Result<std::vector<std::string>> Names(const auth::DatasetScope& scope, const std::string& after,
                                         size_t count);

  // Returns nullopt for a dataset without a table. The state is deleted with its dataset.
  Result<std::optional<IcebergState>> FindIcebergState(const std::string& dataset_id);
  // Stores the field ids of a state, and the URIs of objects that are about to be written together,
  // so that they are removed one day. kTooLarge if the states would exceed their limit. kNotFound,
  // here and below, if the dataset no longer exists.
  Result<> BeginIcebergObjects(const catalog::Manifest& dataset, const IcebergState& state,
                               const std::vector<std::string>& uris);
  // Stores the state after its objects were written. Objects become old unless one of those that
  // were written together is `live`.
  Result<> SaveIcebergState(const catalog::Manifest& dataset, const IcebergState& state,
                            const std::set<std::string>& live);
  // Returns URIs of objects that became old before this time, the oldest first.
  Result<std::vector<std::string>> OldIcebergObjects(UnixMicros before, size_t count);
  Result<bool> IsOldIcebergObject(const std::string& uri, UnixMicros before);
  // Removes old objects from the database.
  Result<> ForgetIcebergObjects(const std::vector<std::string>& uris);
  // Removes the oldest of more than `count_max` old objects from the database; returns their
  // number.
  Result<size_t> TrimIcebergObjects(size_t count_max);

  struct Counts {
    uint64_t revision = 0;
    uint64_t datasets = 0;
    uint64_t bytes = 0;  // The bytes of all manifests in the list.
  };
  Result<Counts> Count();
  // The datasets after the last change; does not block.
  uint64_t datasets() const { return datasets_; }
  uint64_t bytes() const { return bytes_; }

  // False in memory.
  bool is_on_disk() const { return readers_ != nullptr; }
  // Writes a consistent copy, concurrently with readers and writers. The copy has a new catalog_id:
  // a catalogue restored from it continues at an earlier revision and must not be mistaken for the
  // original. The file is beside the database; the caller removes it, or the next start after a
  // crash.
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
  struct StoredContent {
    int64_t id = 0;
    uint64_t bytes = 0;  // See ListedBytes.
    std::string key_folder = {};
  };
  struct NewVersion {
    std::string_view new_content;
    std::optional<int64_t> content_id;  // A stored content; new_content is unused.
    std::string key_folder;
    std::optional<DatasetRow> current;
    std::optional<Deletion> revived;
  };
  // A content that a client has sent.
  struct SentContent {
    const catalog::DatasetContent& content;
    std::string text;  // In the form that is stored.
    std::string key_folder;
  };
  // The comparison of a sent content with the current version.
  struct Comparison {
    std::string tag;  // The tag of the current version.
    bool is_same = false;
    Result<> schema = {};  // The error of a schema that may not replace the current one.
  };
  // The former version that a restore makes current again. A touch has none.
  struct FormerVersion {
    std::string dataset_id;  // Empty: the last dataset with that name.
    uint64_t version = 0;
  };
  // The stored content for a new version.
  struct Source {
    std::optional<DatasetRow> current;
    std::optional<Deletion> deletion;
    StoredContent stored;
  };
  // The content of a source. The client may register its keys.
  struct SourceContent {
    std::string tag;  // The tag of the current version; empty without one.
    int64_t id = 0;
    std::string text;
    bool is_same = false;  // The current version has the same content.
  };

  Store(SqliteDatabase database, Options options)
      : database_(std::move(database)), options_(options) {}
  Result<> Prepare() TARN_REQUIRES(mutex_);
  void RemoveOldBackups() const;

  // Runs f(SqliteDatabase&) -> Result<…> in a read transaction.
  template <class F>
  std::invoke_result_t<F, SqliteDatabase&> Read(const F& f);
  // The revision of the last change visible to a scope.
  Result<uint64_t> VisibleRevision(SqliteDatabase& database, const auth::DatasetScope& scope);
  std::string CatalogIdFor(const auth::DatasetScope& scope) const;
  Result<std::unique_ptr<Listing>> MakeListing(SqliteDatabase& database,
                                               const auth::DatasetScope& scope,
                                               const std::optional<catalog::Position>& since);

  // A change in the queue. Several may share a transaction.
  struct Job {
    const std::string* name = nullptr;  // The name of the dataset.
    std::function<Result<>()> run;      // Called in the transaction, with mutex_ held.
    Result<> result;
    bool changed = false;
    bool done = false;  // Guarded by queue_mutex_.
  };
  // Runs f() -> Result<…> as a change of that dataset.
  template <class F>
  std::invoke_result_t<F> RunChange(const std::string& name, const F& f);
  // Runs the job in a batch. The first thread runs all queued jobs; threads that arrive during its
  // commit wait and form the next batch.
  void Submit(Job& job);
  void RunBatch(const std::vector<Job*>& batch);
  // An error applies to the whole transaction: nothing was changed.
  Result<> RunInOneTransaction(const std::vector<Job*>& batch) TARN_REQUIRES(mutex_);

  // A large manifest delays no other change, except in memory, where one connection serves all.
  bool IsLarge(uint64_t bytes) const { return is_on_disk() && bytes > kLargeBytes; }
  static Result<Comparison> Compare(SqliteDatabase& database, const DatasetRow& current,
                                    const SentContent& sent, const PutOptions& options);
  // Finds a former version. The errors distinguish an unknown version from a deletion.
  static Result<StoredContent> FindFormer(SqliteDatabase& database, const std::string& name,
                                          const std::string& dataset_id, uint64_t version);
  static Result<std::optional<Deletion>> FindDeletion(SqliteDatabase& database,
                                                      const std::string& name);
  static Result<Source> FindSource(SqliteDatabase& database, const std::string& name,
                                   const std::optional<FormerVersion>& former,
                                   const Condition& condition);
  // kForbidden for keys outside of the allowed ones.
  static Result<SourceContent> ReadSource(SqliteDatabase& database, const std::string& name,
                                          const Source& source, const ChangeOptions& options);
  Result<PutResult> MakeCurrent(const std::string& name, const std::optional<FormerVersion>& former,
                                const ChangeOptions& options);

  // Called in a transaction of database_. kStale if a large manifest has to be read first, or has
  // changed since.
  Result<PutResult> PutInTransaction(const std::string& name, const SentContent& sent,
                                     const std::optional<Comparison>& compared,
                                     const PutOptions& options) TARN_REQUIRES(mutex_);
  Result<PutResult> MakeCurrentInTransaction(const std::string& name,
                                             const std::optional<FormerVersion>& former,
                                             std::optional<SourceContent>& content,
                                             const ChangeOptions& options) TARN_REQUIRES(mutex_);
  Result<> DeleteInTransaction(const std::string& name, const ChangeOptions& options)
      TARN_REQUIRES(mutex_);
  // kTooLarge if a state of this size would exceed the limit.
  Result<> CheckIcebergBytes(const catalog::Manifest& dataset, uint64_t bytes)
      TARN_REQUIRES(mutex_);
  // Called in a transaction that deletes the dataset.
  Result<> DeleteIcebergState(const std::string& dataset_id, UnixMicros now) TARN_REQUIRES(mutex_);
  // Checks the name of a new dataset. kConflict if SQL cannot distinguish it from the name of
  // another dataset. The error omits the other name, which the client may not be allowed to see.
  Result<> CheckNameIsUnique(const std::string& name) TARN_REQUIRES(mutex_);
  // The record in the result has no content.
  Result<PutResult> Write(const std::string& name, const NewVersion& version,
                          const ChangeOptions& options) TARN_REQUIRES(mutex_);
  // Replaces the row of a dataset.
  Result<> WriteRow(const DatasetRow& row, uint64_t revision) TARN_REQUIRES(mutex_);
  // Increments the revision and returns the time of the change.
  Result<Change> NextChange() TARN_REQUIRES(mutex_);
  // Moves the current state of a name to its history. `shares_content`: the next version has the
  // same content.
  Result<> KeepHistory(const std::string& name, bool shares_content) TARN_REQUIRES(mutex_);
  // Removes expired history: of this name, and of a few names deleted long ago.
  Result<> RemoveExpired(const std::string& name, UnixMicros now) TARN_REQUIRES(mutex_);
  // Removes the oldest history of a token until it is within its limit.
  Result<> TrimHistoryOf(const std::string& token) TARN_REQUIRES(mutex_);
  // Removes a deleted name with its history.
  Result<> ForgetDeleted(const std::string& name, int64_t revision) TARN_REQUIRES(mutex_);
  // Called at the end of a transaction that changes the catalogue.
  Result<> Finish() TARN_REQUIRES(mutex_);
  // Called after the commit.
  void Announce(const std::vector<Job*>& batch) TARN_REQUIRES(mutex_);

  std::string path_;  // The database file; empty in memory.
  std::optional<FolderLock> lock_;
  Mutex queue_mutex_;
  std::condition_variable_any batch_done_;  // Used with queue_mutex_.
  std::deque<Job*> queue_ TARN_GUARDED_BY(queue_mutex_);
  bool leading_ TARN_GUARDED_BY(queue_mutex_) = false;  // A thread runs a batch.
  Mutex mutex_;
  SqliteDatabase database_ TARN_GUARDED_BY(mutex_);
  uint64_t next_revision_ TARN_GUARDED_BY(mutex_) = 0;  // The revision of the running transaction.
  uint64_t next_datasets_ TARN_GUARDED_BY(mutex_) = 0;  // Datasets after the running transaction.
  uint64_t next_bytes_ TARN_GUARDED_BY(mutex_) = 0;     // Bytes after the running transaction.
  // The bytes of new contents in the running transaction.
  uint64_t written_bytes_ TARN_GUARDED_BY(mutex_) = 0;
  const Options options_;
  std::string catalog_id_;  // Constant once the store is open.
  std::atomic<uint64_t> revision_ = 0;
  std::atomic<uint64_t> datasets_ = 0;
  std::atomic<uint64_t> bytes_ = 0;
  OnChange on_change_ TARN_GUARDED_BY(mutex_);
  std::unique_ptr<ReaderPool> readers_;  // Null in memory.
  Mutex backup_mutex_;                   // Held while a backup is written.

  // The cached state of a scope: its last change up to the revision `checked` is `visible`.
  struct ScopeState {
    uint64_t checked = 0;
    uint64_t visible = 0;
  };
  Mutex scope_states_mutex_;
  std::map<auth::DatasetScope, ScopeState> scope_states_ TARN_GUARDED_BY(scope_states_mutex_);
};

template <class F>
std::invoke_result_t<F, SqliteDatabase&> Store::Read(const F& f) {
  if (readers_) {
    TARN_TRY(ReaderPool::Reader reader, readers_->Borrow());
    return f(reader.database());
  }
  const MutexLock lock(mutex_);
  return f(database_);
}

}  // namespace tarn::catalogd
