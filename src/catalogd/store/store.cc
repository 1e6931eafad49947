#include "catalogd/store/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "base/text.h"
#include "catalogd/store/contents.h"

namespace tarn::catalogd {

namespace fs = std::filesystem;

namespace {

constexpr const char* kFileName = "catalog.sqlite";
constexpr const char* kBackupPrefix = "catalog.backup-";

// Rejects a missing database if the lock file has the position of one. An empty catalogue in its
// place (disk not mounted, backup not copied) would remove all datasets from queries.
Result<> CheckMissingDatabase(const std::string& path, const FolderLock& lock) {
  std::error_code code;
  const uintmax_t bytes = fs::file_size(path, code);
  if (!code && bytes > 0) return {};
  const auto stored = catalog::Position::Parse(lock.StoredPosition());
  if (!stored || stored->revision == 0) return {};
  return Internal(
      fmt::format("{} is missing, but had revision {} before: restore the file or a backup of "
                  "it; to start with an empty catalogue, delete catalog.lock beside it",
                  path, stored->revision));
}

// The objects of the metadata in an older copy may have been removed since. The tables are made
// again, with the same field ids.
Result<> ForgetIcebergMetadata(SqliteDatabase& database) {
  return database.Execute("UPDATE iceberg_tables SET metadata = '', metadata_location = ''");
}

}  // namespace

Result<std::unique_ptr<Store>> Store::Open(const std::string& data_dir, Options options) {
  std::string path;
  std::optional<FolderLock> lock;
  if (data_dir != kInMemory) {
    std::error_code code;
    fs::create_directories(data_dir, code);
    if (code) {
      return Internal(
          fmt::format("catalogd.data_dir: cannot make {}: {}", data_dir, code.message()));
    }
    path = data_dir + "/" + kFileName;
    Result<FolderLock> taken = FolderLock::Acquire(data_dir);
    if (!taken.ok() && taken.error().kind == ErrorKind::kUnavailable) {
      return Unavailable(path + " is in use: another catalogd runs on this data_dir");
    }
    if (!taken.ok()) return taken.error();
    lock.emplace(std::move(*taken));
    TARN_CHECK_OK(CheckMissingDatabase(path, *lock));
    RestrictToOwner(path);
  }
  TARN_TRY(SqliteDatabase database, SqliteDatabase::Open(path.empty() ? kInMemory : path));
  std::unique_ptr<Store> store(new Store(std::move(database), options));
  store->path_ = path;
  if (lock) store->lock_.emplace(std::move(*lock));
  const MutexLock opening(store->mutex_);
  if (Result<> ready = store->Prepare(); !ready.ok()) {
    if (ready.error().kind == ErrorKind::kUnavailable) {
      return Unavailable(path + " is in use: another program has it locked");
    }
    return ready.error().Wrap(path);
  }
  if (!path.empty()) store->readers_ = std::make_unique<ReaderPool>(path);
  return store;
}

Result<> Store::Prepare() {
  // The write-ahead log is truncated to this size once no reader needs it. Freed pages are not
  // overwritten: a deletion of megabytes would write them all again.
  TARN_CHECK_OK(
      database_.Execute("PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL; "
                        "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864; "
                        "PRAGMA secure_delete = FAST;"));
  TARN_CHECK_OK(Migrate(database_));
  // Other programs may read the file at run time.
  TARN_CHECK_OK(database_.Execute("PRAGMA busy_timeout = 5000;"));
  TARN_TRY(const Catalogue catalogue, ReadCatalogue(database_));
  catalog_id_ = catalogue.id;
  revision_ = catalogue.revision;
  datasets_ = catalogue.datasets;
  bytes_ = catalogue.bytes;
  if (!lock_) return {};
  const auto stored = catalog::Position::Parse(lock_->StoredPosition());
  if (stored && stored->catalog_id == catalog_id_ && stored->revision > revision_) {
    log::Warn("the catalogue is older than before: clients will read all of it again",
              {{"revision", revision_.load()}, {"was", stored->revision}});
    catalog_id_ = RandomId() + RandomId();
    TARN_TRY(SqliteStatement update, database_.Prepare("UPDATE catalogue SET catalog_id = ?"));
    TARN_CHECK_OK(update.Bind(1, catalog_id_).Step());
    TARN_CHECK_OK(ForgetIcebergMetadata(database_));
  }
  lock_->StorePosition(Now().Text());
  RemoveOldBackups();
  return {};
}

void Store::RemoveOldBackups() const {
  std::error_code code;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(fs::path(path_).parent_path(), code)) {
    if (!entry.path().filename().string().starts_with(kBackupPrefix)) continue;
    std::error_code ignored;
    fs::remove(entry.path(), ignored);
  }
}

Result<std::string> Store::Backup() {
  const std::unique_lock lock(backup_mutex_, std::try_to_lock);
  if (!lock) return Unavailable("another backup is being written");
  std::string path = (fs::path(path_).parent_path() / (kBackupPrefix + RandomId())).string();
  const auto write = [&]() -> Result<> {
    TARN_TRY(SqliteDatabase source, SqliteDatabase::Open(path_));
    TARN_CHECK_OK(source.Execute("PRAGMA busy_timeout = 5000"));
    RestrictToOwner(path);  // SQLite requires an empty file as the target.
    TARN_TRY(SqliteStatement copy, source.Prepare("VACUUM INTO ?"));
    TARN_CHECK_OK(copy.Bind(1, path).Step());
    TARN_TRY(SqliteDatabase made, SqliteDatabase::Open(path));
    TARN_TRY(SqliteStatement rename, made.Prepare("UPDATE catalogue SET catalog_id = ?"));
    TARN_CHECK_OK(rename.Bind(1, RandomId() + RandomId()).Step());
    return ForgetIcebergMetadata(made);
  };
  if (const Result<> written = write(); !written.ok()) {
    std::error_code ignored;
    fs::remove(path, ignored);
    fs::remove(path + "-journal", ignored);
    return written.error().Wrap("backup");
  }
  return path;
}

// --- Batches of changes -----------------------------------------------------------------------

void Store::Submit(Job& job) {
  constexpr size_t kBatchMax = 64;
  MutexLock lock(queue_mutex_);
  queue_.push_back(&job);
  while (!job.done) {
    if (leading_) {
      batch_done_.wait(lock);
      continue;
    }
    leading_ = true;
    const auto end = queue_.begin() + static_cast<int64_t>(std::min(queue_.size(), kBatchMax));
    const std::vector<Job*> batch(queue_.begin(), end);
    queue_.erase(queue_.begin(), end);
    lock.unlock();
    RunBatch(batch);
    lock.lock();
    for (Job* one : batch) one->done = true;
    leading_ = false;
    batch_done_.notify_all();
  }
}

void Store::RunBatch(const std::vector<Job*>& batch) {
  const MutexLock lock(mutex_);
  const Result<> result = RunInOneTransaction(batch);
  if (result.ok()) return;
  if (batch.size() == 1) {
    batch[0]->result = result;
    return;
  }
  // A single change may have made the whole batch fail.
  for (Job* job : batch) {
    if (const Result<> alone = RunInOneTransaction({job}); !alone.ok()) job->result = alone;
  }
}

Result<> Store::RunInOneTransaction(const std::vector<Job*>& batch) {
  next_revision_ = revision_;
  written_bytes_ = 0;
  TARN_TRY(Transaction transaction, Transaction::Begin(database_));
  for (Job* job : batch) {
    const uint64_t before = next_revision_;
    TARN_CHECK_OK(database_.Execute("SAVEPOINT change"));
    try {
      job->result = job->run();
    } catch (const std::exception& e) {
      job->result = Internal(e.what());
    }
    job->changed = job->result.ok() && next_revision_ != before;
    if (!job->result.ok()) {
      // SQLite may have rolled back the whole transaction.
      if (job->result.error().kind == ErrorKind::kInternal) return job->result;
      TARN_CHECK_OK(database_.Execute("ROLLBACK TO change"));
      next_revision_ = before;
    }
    TARN_CHECK_OK(database_.Execute("RELEASE change"));
  }
  if (next_revision_ == revision_) return {};
  TARN_CHECK_OK(Finish());
  TARN_CHECK_OK(transaction.Commit());
  Announce(batch);
  return {};
}

Result<> Store::Finish() {
  // Deletes more than the transaction adds, so that the backlog shrinks.
  constexpr uint64_t kBytesMin = 4'000'000;
  TARN_CHECK_OK(DeleteUnusedContents(database_, 2 * written_bytes_ + kBytesMin));
  TARN_TRY(const Catalogue catalogue, ReadCatalogue(database_));
  next_datasets_ = catalogue.datasets;
  next_bytes_ = catalogue.bytes;
  return {};
}

void Store::Announce(const std::vector<Job*>& batch) {
  revision_ = next_revision_;
  datasets_ = next_datasets_;
  bytes_ = next_bytes_;
  if (lock_) lock_->StorePosition(Now().Text());
  if (!on_change_) return;
  for (const Job* job : batch) {
    if (job->changed) on_change_(*job->name);
  }
}

}  // namespace tarn::catalogd
