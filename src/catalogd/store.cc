#include "catalogd/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "catalog/manifest_json.h"

namespace tarn::catalogd {
namespace {

constexpr int kSchemaVersion = 1;

constexpr const char* kSchema = R"sql(
  CREATE TABLE catalogue (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL,
    last_change INTEGER NOT NULL        -- microseconds since 1970
  );
  INSERT INTO catalogue VALUES (1, 0, 0);
  CREATE TABLE datasets (
    name TEXT PRIMARY KEY,
    dataset_id TEXT NOT NULL,
    content TEXT NOT NULL,              -- JSON, as PUT takes it
    created_at INTEGER NOT NULL,        -- microseconds since 1970
    updated_at INTEGER NOT NULL
  ) WITHOUT ROWID;
)sql";

// A transaction that is rolled back unless it is committed.
class Transaction {
 public:
  static Result<Transaction> Begin(SqliteDatabase& database) {
    TARN_CHECK_OK(database.Execute("BEGIN IMMEDIATE"));
    return Transaction(&database);
  }
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() {
    if (database_ == nullptr) return;
    // Nothing to add to the error that led here.
    [[maybe_unused]] const Result<> ignored = database_->Execute("ROLLBACK");
  }
  Result<> Commit() {
    TARN_CHECK_OK(database_->Execute("COMMIT"));
    database_ = nullptr;
    return {};
  }

 private:
  explicit Transaction(SqliteDatabase* database) : database_(database) {}
  SqliteDatabase* database_;
};

int64_t ToInteger(UnixMicros time) { return time.time_since_epoch().count(); }
UnixMicros ToTime(int64_t micros) { return UnixMicros(std::chrono::microseconds(micros)); }

// Columns name, dataset_id, content, created_at, updated_at.
Result<catalog::Manifest> ReadManifest(const SqliteStatement& row) {
  catalog::Manifest manifest;
  manifest.name = row.Text(0);
  manifest.dataset_id = row.Text(1);
  Result<catalog::DatasetContent> content = catalog::ParseDatasetContent(row.Text(2));
  if (!content.ok()) {
    return Internal(fmt::format("the stored manifest of \"{}\" is damaged: {}", manifest.name,
                                content.error().message));
  }
  manifest.content = std::move(*content);
  manifest.created_at = ToTime(row.Integer(3));
  manifest.updated_at = ToTime(row.Integer(4));
  return manifest;
}

}  // namespace

Error NoSuchDataset(const std::string& name) {
  return NotFound("no such dataset: \"" + name + "\"");
}

Result<std::unique_ptr<Store>> Store::Open(const std::string& data_dir) {
  std::string path = data_dir;
  if (data_dir != ":memory:") {
    std::error_code code;
    std::filesystem::create_directories(data_dir, code);
    if (code) {
      return Internal(
          fmt::format("catalogd.data_dir: cannot make {}: {}", data_dir, code.message()));
    }
    path = data_dir + "/catalog.sqlite";
  }
  TARN_TRY(SqliteDatabase database, SqliteDatabase::Open(path));
  std::unique_ptr<Store> store(new Store(std::move(database)));
  if (Result<> ready = store->Migrate(); !ready.ok()) {
    if (ready.error().kind == ErrorKind::kUnavailable) {
      return Unavailable(path + " is in use: another catalogd runs on this data_dir");
    }
    return ready.error().Wrap(path);
  }
  return store;
}

Result<> Store::Migrate() {
  // The lock is taken with the first write and kept until the process ends.
  TARN_CHECK_OK(
      database_.Execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; "
                        "PRAGMA synchronous = FULL; PRAGMA busy_timeout = 0;"));
  TARN_TRY(Transaction transaction, Transaction::Begin(database_));
  TARN_TRY(SqliteStatement query, database_.Prepare("PRAGMA user_version"));
  TARN_TRY(const bool row, query.Step());
  const int64_t version = row ? query.Integer(0) : 0;
  if (version > kSchemaVersion) {
    return Internal(
        fmt::format("the database has version {}, this catalogd knows up to {}: use a newer one",
                    version, kSchemaVersion));
  }
  if (version == 0) {
    TARN_CHECK_OK(database_.Execute(kSchema));
    TARN_CHECK_OK(database_.Execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion)));
  }
  return transaction.Commit();
}

Result<catalog::Snapshot> Store::List() {
  const std::lock_guard lock(mutex_);
  catalog::Snapshot snapshot;
  // One mutex guards the connection, so both statements see one state.
  TARN_TRY(SqliteStatement revision, database_.Prepare("SELECT revision FROM catalogue"));
  TARN_TRY(const bool found, revision.Step());
  if (!found) return Internal("the catalogue's revision is missing");
  snapshot.revision = static_cast<uint64_t>(revision.Integer(0));
  TARN_TRY(SqliteStatement rows,
           database_.Prepare("SELECT name, dataset_id, content, created_at, updated_at FROM "
                             "datasets ORDER BY name"));
  for (;;) {
    TARN_TRY(const bool row, rows.Step());
    if (!row) return snapshot;
    TARN_TRY(catalog::Manifest manifest, ReadManifest(rows));
    snapshot.manifests.push_back(std::move(manifest));
  }
}

Result<std::optional<catalog::Manifest>> Store::Find(const std::string& name) {
  TARN_TRY(SqliteStatement query,
           database_.Prepare("SELECT name, dataset_id, content, created_at, updated_at FROM "
                             "datasets WHERE name = ?"));
  TARN_TRY(const bool row, query.Bind(1, name).Step());
  if (!row) return std::optional<catalog::Manifest>();
  TARN_TRY(catalog::Manifest manifest, ReadManifest(query));
  return std::optional(std::move(manifest));
}

Result<catalog::Manifest> Store::Get(const std::string& name) {
  const std::lock_guard lock(mutex_);
  TARN_TRY(std::optional<catalog::Manifest> manifest, Find(name));
  if (!manifest) return NoSuchDataset(name);
  return std::move(*manifest);
}

Result<UnixMicros> Store::NextChange() {
  TARN_TRY(SqliteStatement query, database_.Prepare("SELECT last_change FROM catalogue"));
  TARN_TRY(const bool row, query.Step());
  if (!row) return Internal("the catalogue's revision is missing");
  // Strictly later than every change before, even when the clock was set back: readers take an
  // equal updated_at for "nothing changed".
  const int64_t time = std::max(ToInteger(NowMicros()), query.Integer(0) + 1);
  TARN_TRY(SqliteStatement update,
           database_.Prepare("UPDATE catalogue SET revision = revision + 1, last_change = ?"));
  TARN_CHECK_OK(update.Bind(1, time).Step());
  return ToTime(time);
}

Result<Store::PutResult> Store::Put(const std::string& name,
                                    const catalog::DatasetContent& content) {
  const std::lock_guard lock(mutex_);
  return PutInTransaction(name, content);
}

Result<Store::PutResult> Store::PutInTransaction(const std::string& name,
                                                 const catalog::DatasetContent& content) {
  TARN_TRY(Transaction transaction, Transaction::Begin(database_));
  TARN_TRY(std::optional<catalog::Manifest> known, Find(name));
  if (known && known->content == content) {
    return PutResult{PutOutcome::kUnchanged, std::move(*known)};
  }
  TARN_TRY(const UnixMicros now, NextChange());
  PutResult result;
  result.outcome = known ? PutOutcome::kUpdated : PutOutcome::kCreated;
  result.manifest = {.name = name,
                     .dataset_id = known ? known->dataset_id : RandomId() + RandomId(),
                     .content = content,
                     .created_at = known ? known->created_at : now,
                     .updated_at = now};
  TARN_TRY(SqliteStatement upsert,
           database_.Prepare("INSERT INTO datasets VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO "
                             "UPDATE SET content = excluded.content, updated_at = "
                             "excluded.updated_at"));
  TARN_CHECK_OK(upsert.Bind(1, name)
                    .Bind(2, result.manifest.dataset_id)
                    .Bind(3, catalog::FormatDatasetContent(content))
                    .Bind(4, ToInteger(result.manifest.created_at))
                    .Bind(5, ToInteger(now))
                    .Step());
  TARN_CHECK_OK(transaction.Commit());
  return result;
}

Result<> Store::Delete(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return DeleteInTransaction(name);
}

Result<> Store::DeleteInTransaction(const std::string& name) {
  TARN_TRY(Transaction transaction, Transaction::Begin(database_));
  TARN_TRY(SqliteStatement remove,
           database_.Prepare("DELETE FROM datasets WHERE name = ? RETURNING name"));
  // Stepped to the end: a statement that is half done keeps the transaction from committing.
  TARN_TRY(const bool found, remove.Bind(1, name).Step());
  if (!found) return NoSuchDataset(name);
  TARN_CHECK_OK(remove.Step());
  TARN_CHECK_OK(NextChange());
  return transaction.Commit();
}

Result<Store::Counts> Store::Count() {
  const std::lock_guard lock(mutex_);
  TARN_TRY(SqliteStatement query,
           database_.Prepare("SELECT revision, (SELECT count(*) FROM datasets) FROM catalogue"));
  TARN_TRY(const bool row, query.Step());
  if (!row) return Internal("the catalogue's revision is missing");
  return Counts{static_cast<uint64_t>(query.Integer(0)), static_cast<uint64_t>(query.Integer(1))};
}

}  // namespace tarn::catalogd
