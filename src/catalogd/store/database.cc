#include "catalogd/store/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/text.h"
#include "catalog/manifest_json.h"
#include "catalogd/store/rows.h"

namespace tarn::catalogd {
namespace {

constexpr const char* kVersion1 = R"sql(
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

// Deletions before this version are unknown, which `forgotten` records.
constexpr const char* kVersion2 = R"sql(
  ALTER TABLE catalogue ADD COLUMN catalog_id TEXT NOT NULL DEFAULT '';
  ALTER TABLE catalogue ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
                                        -- of deletions up to this revision some are forgotten
  UPDATE catalogue SET forgotten = revision;
  ALTER TABLE datasets ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE datasets ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;  -- of its last change
  UPDATE datasets SET revision = (SELECT revision FROM catalogue);
  CREATE INDEX datasets_by_revision ON datasets (revision);
  CREATE TABLE deletions (              -- names that are not there now
    name TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    dataset_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX deletions_by_revision ON deletions (revision);
  CREATE TABLE history (                -- what datasets and deletions no longer have
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    dataset_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    content TEXT,                       -- NULL: it was deleted
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (name, revision)
  ) WITHOUT ROWID;
)sql";

// SQL ignores the ASCII case of names, and so does NOCASE.
constexpr const char* kVersion3 = R"sql(
  CREATE INDEX datasets_by_name_in_any_case ON datasets (name COLLATE NOCASE);
)sql";

constexpr const char* kVersion4 = R"sql(
  ALTER TABLE datasets ADD COLUMN changed_by TEXT NOT NULL DEFAULT '';  -- a token; '': not known
)sql";

// Moves contents to their own table, in the order of their former rows. Triggers update the sums
// that limits need, and record contents that no version uses any more.
constexpr const char* kVersion5 = R"sql(
  CREATE TABLE contents (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL               -- JSON, as PUT takes it
  );
  CREATE TABLE new_datasets (
    name TEXT PRIMARY KEY,
    dataset_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,          -- of its last change
    created_at INTEGER NOT NULL,        -- microseconds since 1970
    updated_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,           -- a token; '': not known
    content_id INTEGER NOT NULL,
    bytes INTEGER NOT NULL              -- of its manifest in a list
  ) WITHOUT ROWID;
  CREATE TABLE new_history (            -- former rows of datasets and deletions
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    dataset_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    content_id INTEGER,                 -- NULL: it was deleted
    bytes INTEGER NOT NULL,
    PRIMARY KEY (name, revision)
  ) WITHOUT ROWID;

  INSERT INTO contents (content) SELECT content FROM datasets ORDER BY name;
  INSERT INTO new_datasets
    SELECT name, dataset_id, version, revision, created_at, updated_at, changed_by,
           row_number() OVER (ORDER BY name), 0 FROM datasets;
  INSERT INTO contents (content)
    SELECT content FROM history WHERE content IS NOT NULL ORDER BY name, revision;
  INSERT INTO new_history
    SELECT name, revision, dataset_id, version, updated_at,
           row_number() OVER (ORDER BY name, revision) + (SELECT count(*) FROM new_datasets), 0
    FROM history WHERE content IS NOT NULL;
  INSERT INTO new_history
    SELECT name, revision, dataset_id, version, updated_at, NULL, 0
    FROM history WHERE content IS NULL;
  DROP TABLE datasets;
  DROP TABLE history;
  ALTER TABLE new_datasets RENAME TO datasets;
  ALTER TABLE new_history RENAME TO history;
  UPDATE datasets SET bytes = 192 + length(CAST(json_quote(name) AS BLOB)) +
    length(CAST(json_quote(changed_by) AS BLOB)) +
    (SELECT length(CAST(content AS BLOB)) FROM contents WHERE id = content_id);
  UPDATE history SET bytes = 192 + length(CAST(json_quote(name) AS BLOB)) +
    (SELECT length(CAST(content AS BLOB)) FROM contents WHERE id = content_id)
    WHERE content_id IS NOT NULL;
  CREATE INDEX datasets_by_revision ON datasets (revision);
  CREATE INDEX datasets_by_name_in_any_case ON datasets (name COLLATE NOCASE);
  CREATE INDEX history_by_content ON history (content_id);

  ALTER TABLE catalogue ADD COLUMN datasets INTEGER NOT NULL DEFAULT 0;  -- their number
  ALTER TABLE catalogue ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;     -- of their manifests
  UPDATE catalogue SET datasets = (SELECT count(*) FROM datasets),
                       bytes = (SELECT coalesce(sum(bytes), 0) FROM datasets);
  CREATE TABLE token_usage (            -- the same of the datasets that a token changed last
    token TEXT PRIMARY KEY,
    datasets INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) WITHOUT ROWID;
  INSERT INTO token_usage SELECT changed_by, count(*), sum(bytes) FROM datasets GROUP BY changed_by;
  CREATE TRIGGER dataset_added AFTER INSERT ON datasets BEGIN
    UPDATE catalogue SET datasets = datasets + 1, bytes = bytes + new.bytes;
    INSERT INTO token_usage VALUES (new.changed_by, 1, new.bytes)
      ON CONFLICT (token) DO UPDATE SET datasets = datasets + 1, bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER dataset_removed AFTER DELETE ON datasets BEGIN
    UPDATE catalogue SET datasets = datasets - 1, bytes = bytes - old.bytes;
    UPDATE token_usage SET datasets = datasets - 1, bytes = bytes - old.bytes
      WHERE token = old.changed_by;
    DELETE FROM token_usage WHERE token = old.changed_by AND datasets = 0;
  END;

  CREATE TABLE unused_contents (        -- that no row of datasets and history has
    content_id INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL
  );
  CREATE TRIGGER version_forgotten AFTER DELETE ON history WHEN old.content_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM history WHERE content_id = old.content_id)
    AND NOT EXISTS (SELECT 1 FROM datasets WHERE name = old.name AND content_id = old.content_id)
  BEGIN
    INSERT INTO unused_contents VALUES (old.content_id, old.bytes);
  END;
)sql";

// The folder of the keys, so that the right to register a large manifest again can be checked
// without parsing it.
constexpr const char* kVersion6 = R"sql(
  ALTER TABLE datasets ADD COLUMN key_folder TEXT NOT NULL DEFAULT '';  -- of all keys; '': not known
  ALTER TABLE history ADD COLUMN key_folder TEXT NOT NULL DEFAULT '';   -- likewise
)sql";

// The tokens of the history, and the bytes that each of them keeps in it.
constexpr const char* kVersion7 = R"sql(
  ALTER TABLE history ADD COLUMN changed_by TEXT NOT NULL DEFAULT '';   -- a token; '': not known
  ALTER TABLE history ADD COLUMN kept_bytes INTEGER NOT NULL DEFAULT 0; -- that only this row keeps
  ALTER TABLE deletions ADD COLUMN changed_by TEXT NOT NULL DEFAULT ''; -- as in history
  CREATE INDEX history_by_token ON history (changed_by, revision);
  CREATE INDEX deletions_by_token ON deletions (changed_by, revision);
  CREATE TABLE history_usage (          -- the sum of kept_bytes of each token, and its deletions
    token TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TRIGGER history_added AFTER INSERT ON history BEGIN
    INSERT INTO history_usage VALUES (new.changed_by, new.kept_bytes)
      ON CONFLICT (token) DO UPDATE SET bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER history_removed AFTER DELETE ON history BEGIN
    UPDATE history_usage SET bytes = bytes - old.kept_bytes WHERE token = old.changed_by;
    DELETE FROM history_usage WHERE token = old.changed_by AND bytes <= 0;
  END;
  CREATE TRIGGER deletion_added AFTER INSERT ON deletions BEGIN
    INSERT INTO history_usage VALUES (new.changed_by, 512)
      ON CONFLICT (token) DO UPDATE SET bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER deletion_removed AFTER DELETE ON deletions BEGIN
    UPDATE history_usage SET bytes = bytes - 512 WHERE token = old.changed_by;
    DELETE FROM history_usage WHERE token = old.changed_by AND bytes <= 0;
  END;
)sql";

// The Iceberg tables of datasets, and the objects that were written for them.
constexpr const char* kVersion8 = R"sql(
  CREATE TABLE iceberg_tables (
    dataset_id TEXT PRIMARY KEY,
    token TEXT NOT NULL,                -- that changed the dataset last; '': not known
    bytes INTEGER NOT NULL,             -- of the following texts
    field_ids TEXT NOT NULL,            -- JSON
    metadata TEXT NOT NULL,             -- JSON; '': none was written
    metadata_location TEXT NOT NULL     -- its URI
  );
  CREATE TABLE iceberg_objects (
    uri TEXT PRIMARY KEY,
    dataset_id TEXT NOT NULL,
    generation TEXT NOT NULL,           -- the same for objects that were written together
    retired_at INTEGER                  -- microseconds since 1970; NULL: in use
  ) WITHOUT ROWID;
  CREATE INDEX iceberg_objects_by_dataset ON iceberg_objects (dataset_id, generation);
  CREATE INDEX iceberg_objects_by_retirement ON iceberg_objects (retired_at)
    WHERE retired_at IS NOT NULL;
)sql";

// The script at index N migrates version N to N + 1.
constexpr std::array kSteps = {kVersion1, kVersion2, kVersion3, kVersion4,
                               kVersion5, kVersion6, kVersion7, kVersion8};
// The first version with all contents in the current format.
constexpr int64_t kContentFormatVersion = 4;

Result<int64_t> VersionOf(SqliteDatabase& database) {
  TARN_TRY(SqliteStatement query, database.Prepare("PRAGMA user_version"));
  TARN_TRY(const bool row, query.Step());
  return row ? query.Integer(0) : 0;
}

// Rewrites the stored content of version 4 in the current format: older versions omitted null
// fields.
Result<> RewriteContent(SqliteDatabase& database) {
  TARN_TRY(SqliteStatement rows, database.Prepare("SELECT name, content FROM datasets"));
  std::vector<std::pair<std::string, std::string>> changed;
  for (;;) {
    TARN_TRY(const bool row, rows.Step());
    if (!row) break;
    const Result<catalog::DatasetContent> content = catalog::ParseDatasetContent(rows.View(1));
    if (!content.ok()) {
      return Internal(fmt::format("the stored manifest of \"{}\" is damaged: {}", rows.Text(0),
                                  content.error().message));
    }
    std::string text = catalog::FormatDatasetContent(*content);
    if (text != rows.View(1)) changed.emplace_back(rows.Text(0), std::move(text));
  }
  for (const auto& [name, content] : changed) {
    TARN_TRY(SqliteStatement update,
             database.Prepare("UPDATE datasets SET content = ? WHERE name = ?"));
    TARN_CHECK_OK(update.Bind(1, content).Bind(2, name).Step());
  }
  return {};
}

}  // namespace

Result<> Migrate(SqliteDatabase& database) {
  TARN_TRY(Transaction transaction, Transaction::Begin(database));
  TARN_TRY(const int64_t version, VersionOf(database));
  const auto newest = static_cast<int64_t>(kSteps.size());
  if (version > newest) {
    return Internal(fmt::format(
        "the database has version {}, but this catalogd knows up to {}: install a newer catalogd",
        version, newest));
  }
  if (version == newest) return transaction.Commit();
  for (int64_t step = version; step < newest; ++step) {
    TARN_CHECK_OK(database.Execute(kSteps[static_cast<size_t>(step)]));
    if (step + 1 == kContentFormatVersion) TARN_CHECK_OK(RewriteContent(database));
  }
  TARN_TRY(SqliteStatement id, database.Prepare("UPDATE catalogue SET catalog_id = ? WHERE "
                                                "catalog_id = ''"));
  TARN_CHECK_OK(id.Bind(1, RandomId() + RandomId()).Step());
  TARN_CHECK_OK(database.Execute(fmt::format("PRAGMA user_version = {}", newest)));
  return transaction.Commit();
}

Result<Catalogue> ReadCatalogue(SqliteDatabase& database) {
  TARN_TRY(SqliteStatement query,
           database.Prepare("SELECT catalog_id, revision, forgotten, datasets, bytes FROM "
                            "catalogue"));
  TARN_TRY(const bool row, query.Step());
  if (!row) return Internal("the catalogue's revision is missing");
  return Catalogue{.id = query.Text(0),
                   .revision = ToCount(query.Integer(1)),
                   .forgotten = ToCount(query.Integer(2)),
                   .datasets = ToCount(query.Integer(3)),
                   .bytes = ToCount(query.Integer(4))};
}

void RestrictToOwner(const std::string& path) {
  // If creation fails, SQLite reports the reason. Existing files are not opened, because closing
  // one would release SQLite's locks on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
  if (const int made = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); made >= 0) {
    close(made);
  }
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    const std::string file = path + suffix;
    struct stat status = {};
    if (stat(file.c_str(), &status) != 0 || (status.st_mode & (S_IRWXG | S_IRWXO)) == 0) continue;
    if (chmod(file.c_str(), status.st_mode & S_IRWXU) != 0) {
      log::Warn("the catalogue's database is readable by other users",
                {{"file", file}, {"error", strerror(errno)}});
    }
  }
}

Result<FolderLock> FolderLock::Acquire(const std::string& folder) {
  const std::string path = folder + "/catalog.lock";
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return Internal(fmt::format("cannot open {}: {}", path, strerror(errno)));
  FolderLock lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) return Unavailable(path + " is locked");
  return lock;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::string FolderLock::StoredPosition() const {
  std::string text(256, '\0');
  const ssize_t got = pread(descriptor_, text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return text.substr(0, text.find('\n'));
}

void FolderLock::StorePosition(const std::string& text) {
  const std::string line = text + '\n';
  // A single write: if the process is killed, the file has the old text or the new one.
  [[maybe_unused]] const ssize_t ignored = pwrite(descriptor_, line.data(), line.size(), 0);
}

ReaderPool::Reader::~Reader() {
  // A connection whose transaction cannot be rolled back is closed.
  if (!database_ || !database_->Execute("ROLLBACK").ok()) return;
  const MutexLock lock(pool_->mutex_);
  if (pool_->idle_.size() < kIdleMax) pool_->idle_.push_back(std::move(database_));
}

Result<ReaderPool::Reader> ReaderPool::Borrow() {
  std::unique_ptr<SqliteDatabase> database;
  {
    const MutexLock lock(mutex_);
    if (!idle_.empty()) {
      database = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!database) {
    TARN_TRY(SqliteDatabase opened, SqliteDatabase::Open(path_));
    TARN_CHECK_OK(opened.Execute("PRAGMA query_only = ON; PRAGMA busy_timeout = 5000;"));
    database = std::make_unique<SqliteDatabase>(std::move(opened));
  }
  TARN_CHECK_OK(database->Execute("BEGIN"));
  return Reader(*this, std::move(database));
}

}  // namespace tarn::catalogd
