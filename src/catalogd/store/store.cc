#include "catalogd/store/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <type_traits>

#include "base/log.h"
#include "base/text.h"
#include "catalog/column_types.h"
#include "catalog/manifest_json.h"
#include "catalogd/store/listing.h"
#include "catalogd/store/rows.h"

namespace tarn::catalogd {

namespace fs = std::filesystem;

namespace {

constexpr const char* kFileName = "catalog.sqlite";
constexpr const char* kBackupPrefix = "catalog.backup-";

Result<std::optional<Record>> Find(SqliteDatabase& database, const std::string& name) {
  TARN_TRY(SqliteStatement query, database.Prepare(fmt::format(
                                      "SELECT {} FROM datasets WHERE name = ?", kManifestColumns)));
  TARN_TRY(const bool row, query.Bind(1, name).Step());
  if (!row) return std::optional<Record>();
  return std::optional(Record{ToManifest(query), query.Text(kContentColumn)});
}

Result<catalog::DatasetContent> ReadContent(const std::string& name, std::string_view json) {
  Result<catalog::DatasetContent> content = catalog::ParseDatasetContent(json);
  if (content.ok()) return content;
  return Internal(
      fmt::format("the stored manifest of \"{}\" is damaged: {}", name, content.error().message));
}

// Checks that a client may register all keys of the content.
Result<> RequireKeys(const auth::KeyScope& keys, const catalog::DatasetContent& content) {
  if (keys.is_all()) return {};
  constexpr size_t kShown = 5;
  const std::vector<std::string>& prefixes = *keys.prefixes();
  if (prefixes.empty()) {
    return Error{ErrorKind::kForbidden,
                 "this token may not register objects, since it has no key prefix: use a token of "
                 "`tarn token create --prefix PREFIX/`"};
  }
  for (size_t i = 0; i < content.objects.size(); ++i) {
    const std::string& key = content.objects[i].key;
    if (keys.Allows(key)) continue;
    std::string shown;
    for (size_t j = 0; j < prefixes.size() && j < kShown; ++j) {
      shown += fmt::format("{}\"{}\"", j == 0 ? "" : ", ", prefixes[j]);
    }
    if (prefixes.size() > kShown) shown += fmt::format(" and {} more", prefixes.size() - kShown);
    return Error{ErrorKind::kForbidden,
                 fmt::format("objects[{}].key: \"{}\" is outside of the key prefixes of this token "
                             "({}): register keys below them, or use a token of `tarn token create "
                             "--prefix PREFIX/`",
                             i, key, shown)};
  }
  return {};
}

// The same for content from the database.
Result<> RequireStoredKeys(const auth::KeyScope& keys, const std::string& name,
                           std::string_view json) {
  if (keys.is_all()) return {};
  TARN_TRY(const catalog::DatasetContent content, ReadContent(name, json));
  return RequireKeys(keys, content);
}

struct Catalogue {
  std::string id;
  uint64_t revision = 0;
  uint64_t forgotten = 0;
};

Result<Catalogue> ReadCatalogue(SqliteDatabase& database) {
  TARN_TRY(SqliteStatement query,
           database.Prepare("SELECT catalog_id, revision, forgotten FROM catalogue"));
  TARN_TRY(const bool row, query.Step());
  if (!row) return Internal("the catalogue's revision is missing");
  return Catalogue{query.Text(0), ToCount(query.Integer(1)), ToCount(query.Integer(2))};
}

Result<> CheckSchema(const std::string& name, const catalog::DatasetContent& before,
                     const catalog::DatasetContent& after) {
  if (!before.schema || !after.schema) return {};
  const auto changes = catalog::IncompatibleChanges(*before.schema, *after.schema);
  if (changes.empty()) return {};
  constexpr size_t kShown = 20;
  std::string text;
  for (size_t i = 0; i < changes.size() && i < kShown; ++i) {
    text += fmt::format("{}column \"{}\" from {} to {}", i == 0 ? "" : ", ", changes[i].column,
                        changes[i].before, changes[i].after);
  }
  if (changes.size() > kShown) text += fmt::format(" and {} more", changes.size() - kShown);
  return Error{ErrorKind::kConflict,
               fmt::format("this would change types of \"{}\" and may break its readers: {}; set "
                           "?allow_schema_change=true to allow it",
                           name, text)};
}

// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv), which is stable across machines and builds.
uint64_t HashOf(const std::vector<std::string>& texts) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](char c) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  };
  for (const std::string& text : texts) {
    std::for_each(text.begin(), text.end(), add);
    add('\0');
  }
  return hash;
}

// Returns the revision of the newest change later than `after` that the scope allows; 0 if there is
// none.
Result<uint64_t> NewestAllowed(SqliteDatabase& database, const char* table,
                               const auth::DatasetScope& scope, uint64_t after) {
  TARN_TRY(SqliteStatement rows,
           database.Prepare(fmt::format(
               "SELECT name, revision FROM {} WHERE revision > ? ORDER BY revision DESC", table)));
  rows.Bind(1, static_cast<int64_t>(after));
  for (;;) {
    TARN_TRY(const bool row, rows.Step());
    if (!row) return 0;
    if (scope.Allows(rows.View(0))) return ToCount(rows.Integer(1));
  }
}

}  // namespace

Error NoSuchDatasetError(const std::string& name) {
  return NotFound("no such dataset: \"" + name + "\"");
}

std::string Record::Json() const {
  std::string json;
  catalog::AppendManifest(json, manifest, content);
  return json;
}

std::string Record::Tag() const {
  return fmt::format("{}.{}", manifest.dataset_id, manifest.version);
}

// --- Open -------------------------------------------------------------------------------------

namespace {

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
  // The write-ahead log is truncated to this size once no reader needs it.
  TARN_CHECK_OK(
      database_.Execute("PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL; "
                        "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;"));
  TARN_CHECK_OK(Migrate(database_));
  // Other programs may read the file at run time.
  TARN_CHECK_OK(database_.Execute("PRAGMA busy_timeout = 5000;"));
  TARN_TRY(const Catalogue catalogue, ReadCatalogue(database_));
  catalog_id_ = catalogue.id;
  revision_ = catalogue.revision;
  if (!lock_) return {};
  const auto stored = catalog::Position::Parse(lock_->StoredPosition());
  if (stored && stored->catalog_id == catalog_id_ && stored->revision > revision_) {
    log::Warn("the catalogue is older than before: clients will read all of it again",
              {{"revision", revision_.load()}, {"was", stored->revision}});
    catalog_id_ = RandomId() + RandomId();
    TARN_TRY(SqliteStatement update, database_.Prepare("UPDATE catalogue SET catalog_id = ?"));
    TARN_CHECK_OK(update.Bind(1, catalog_id_).Step());
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

// --- Reading ----------------------------------------------------------------------------------

template <class F>
std::invoke_result_t<F, SqliteDatabase&> Store::Read(const F& f) {
  if (readers_) {
    TARN_TRY(ReaderPool::Reader reader, readers_->Borrow());
    return f(reader.database());
  }
  const std::lock_guard lock(mutex_);
  return f(database_);
}

std::string Store::CatalogIdFor(const auth::DatasetScope& scope) const {
  if (scope.is_all()) return catalog_id_;
  return fmt::format("{}-{:016x}", catalog_id_, HashOf(*scope.patterns()));
}

Result<catalog::Position> Store::Now(const auth::DatasetScope& scope) {
  if (scope.is_all()) return Now();
  const auto look = [this, &scope](SqliteDatabase& database) {
    return VisibleRevision(database, scope);
  };
  TARN_TRY(const uint64_t revision, Read(look));
  return catalog::Position{CatalogIdFor(scope), revision};
}

Result<uint64_t> Store::VisibleRevision(SqliteDatabase& database, const auth::DatasetScope& scope) {
  TARN_TRY(const Catalogue catalogue, ReadCatalogue(database));
  if (scope.is_all()) return catalogue.revision;
  ScopeState state;
  {
    const std::lock_guard lock(scope_states_mutex_);
    if (const auto found = scope_states_.find(scope); found != scope_states_.end())
      state = found->second;
  }
  // The cached state is of a newer revision than this transaction.
  if (state.checked > catalogue.revision) state = {};
  if (state.checked < catalogue.revision) {
    TARN_TRY(const uint64_t changed, NewestAllowed(database, "datasets", scope, state.checked));
    TARN_TRY(const uint64_t deleted, NewestAllowed(database, "deletions", scope, state.checked));
    state = {catalogue.revision, std::max({state.visible, changed, deleted})};
  }
  // A forgotten deletion may have been the last change.
  state.visible = std::max(state.visible, catalogue.forgotten);
  constexpr size_t kScopesMax = 1000;
  const std::lock_guard lock(scope_states_mutex_);
  if (scope_states_.size() >= kScopesMax) scope_states_.clear();
  ScopeState& kept = scope_states_[scope];
  if (kept.checked <= state.checked) kept = state;
  return state.visible;
}

Result<catalog::Snapshot> Store::List() {
  return Read([](SqliteDatabase& database) -> Result<catalog::Snapshot> {
    TARN_TRY(const Catalogue catalogue, ReadCatalogue(database));
    catalog::Snapshot snapshot{.revision = catalogue.revision, .catalog_id = catalogue.id};
    TARN_TRY(SqliteStatement rows, database.Prepare(fmt::format(
                                       "SELECT {} FROM datasets ORDER BY name", kManifestColumns)));
    for (;;) {
      TARN_TRY(const bool row, rows.Step());
      if (!row) return snapshot;
      catalog::Manifest manifest = ToManifest(rows);
      TARN_TRY(manifest.content, ReadContent(manifest.name, rows.View(kContentColumn)));
      snapshot.manifests.push_back(std::move(manifest));
    }
  });
}

Result<std::unique_ptr<Listing>> Store::MakeListing(SqliteDatabase& database,
                                                    const auth::DatasetScope& scope,
                                                    const std::optional<catalog::Position>& since) {
  TARN_TRY(const Catalogue catalogue, ReadCatalogue(database));
  TARN_TRY(const uint64_t revision, VisibleRevision(database, scope));
  Listing::Query query{.position = {CatalogIdFor(scope), revision}, .scope = scope};
  const bool has_changes = since && since->catalog_id == query.position.catalog_id &&
                           since->revision <= revision && since->revision >= catalogue.forgotten;
  if (has_changes) query.since = since->revision;
  auto listing = std::make_unique<Listing>(std::move(query));
  TARN_CHECK_OK(listing->Begin(database));
  return listing;
}

Result<std::unique_ptr<Listing>> Store::OpenListing(const auth::DatasetScope& scope,
                                                    const std::optional<catalog::Position>& since) {
  if (readers_) {
    TARN_TRY(ReaderPool::Reader reader, readers_->Borrow());
    TARN_TRY(std::unique_ptr<Listing> listing, MakeListing(reader.database(), scope, since));
    listing->Hold(std::move(reader));
    return listing;
  }
  const std::lock_guard lock(mutex_);
  TARN_TRY(std::unique_ptr<Listing> listing, MakeListing(database_, scope, since));
  TARN_CHECK_OK(listing->ReadAll());
  return listing;
}

Result<Record> Store::Get(const std::string& name) {
  return Read([&name](SqliteDatabase& database) -> Result<Record> {
    TARN_TRY(std::optional<Record> record, Find(database, name));
    if (!record) return NoSuchDatasetError(name);
    return std::move(*record);
  });
}

Result<Store::HistoryPage> Store::History(const std::string& name, uint64_t before, size_t count) {
  constexpr size_t kPageBytesMax = 8 * 1024 * 1024;
  return Read([&](SqliteDatabase& database) -> Result<HistoryPage> {
    TARN_TRY(SqliteStatement known,
             database.Prepare("SELECT EXISTS (SELECT * FROM datasets WHERE name = ?1) OR "
                              "EXISTS (SELECT * FROM deletions WHERE name = ?1)"));
    TARN_TRY(const bool answer, known.Bind(1, name).Step());
    if (!answer || known.Integer(0) == 0) return NoSuchDatasetError(name);
    TARN_TRY(
        SqliteStatement rows,
        database.Prepare("SELECT revision, dataset_id, version, content, updated_at FROM datasets "
                         "WHERE name = ?1 AND revision < ?2 UNION ALL "
                         "SELECT revision, dataset_id, version, NULL, deleted_at FROM deletions "
                         "WHERE name = ?1 AND revision < ?2 UNION ALL "
                         "SELECT revision, dataset_id, version, content, updated_at FROM history "
                         "WHERE name = ?1 AND revision < ?2 ORDER BY revision DESC"));
    rows.Bind(1, name).Bind(2, static_cast<int64_t>(std::min<uint64_t>(before, INT64_MAX)));
    HistoryPage page;
    size_t bytes = 0;
    for (;;) {
      TARN_TRY(const bool row, rows.Step());
      if (!row) return page;
      page.has_more = page.entries.size() >= count || bytes >= kPageBytesMax;
      if (page.has_more) return page;
      HistoryEntry entry{.revision = ToCount(rows.Integer(0)),
                         .dataset_id = rows.Text(1),
                         .version = ToCount(rows.Integer(2)),
                         .updated_at = ToTime(rows.Integer(4))};
      if (!rows.IsNull(3)) entry.content = rows.Text(3);
      bytes += rows.View(3).size();
      page.entries.push_back(std::move(entry));
    }
  });
}

Result<Store::Counts> Store::Count() {
  return Read([](SqliteDatabase& database) -> Result<Counts> {
    TARN_TRY(SqliteStatement query,
             database.Prepare("SELECT revision, (SELECT count(*) FROM datasets) FROM catalogue"));
    TARN_TRY(const bool row, query.Step());
    if (!row) return Internal("the catalogue's revision is missing");
    return Counts{ToCount(query.Integer(0)), ToCount(query.Integer(1))};
  });
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
    return {};
  };
  if (const Result<> written = write(); !written.ok()) {
    std::error_code ignored;
    fs::remove(path, ignored);
    fs::remove(path + "-journal", ignored);
    return written.error().Wrap("backup");
  }
  return path;
}

// --- Changing ---------------------------------------------------------------------------------

template <class F>
std::invoke_result_t<F> Store::RunChange(const std::string& name, const F& f) {
  std::optional<std::invoke_result_t<F>> result;
  Job job{.name = &name};
  job.run = [&f, &result]() -> Result<> {
    result.emplace(f());
    return result->ok() ? Result<>() : result->error();
  };
  Submit(job);
  if (!job.result.ok()) return job.result.error();
  return std::move(*result);
}

void Store::Submit(Job& job) {
  constexpr size_t kBatchMax = 64;
  std::unique_lock lock(queue_mutex_);
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
  const std::lock_guard lock(mutex_);
  const Result<> result = RunInOneTransaction(batch);
  if (result.ok()) return;
  if (batch.size() == 1) {
    batch[0]->result = result;
    return;
  }
  // One change may have failed the whole batch.
  for (Job* job : batch) {
    if (const Result<> alone = RunInOneTransaction({job}); !alone.ok()) job->result = alone;
  }
}

Result<> Store::RunInOneTransaction(const std::vector<Job*>& batch) {
  next_revision_ = revision_;
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
  TARN_CHECK_OK(transaction.Commit());
  Announce(batch);
  return {};
}

Result<Store::PutResult> Store::Put(const std::string& name, const catalog::DatasetContent& content,
                                    const PutOptions& options) {
  TARN_CHECK_OK(RequireKeys(options.keys, content));
  return RunChange(name, [&] { return PutInTransaction(name, content, options); });
}

Result<Store::PutResult> Store::PutInTransaction(const std::string& name,
                                                 const catalog::DatasetContent& content,
                                                 const PutOptions& options) {
  TARN_TRY(std::optional<Record> current, Find(database_, name));
  TARN_CHECK_OK(options.condition(current ? &*current : nullptr));
  std::string text = catalog::FormatDatasetContent(content);
  if (current && current->content == text && !options.touch) {
    return PutResult{PutOutcome::kUnchanged, std::move(*current)};
  }
  if (current && content.schema && !options.allow_schema_change) {
    TARN_TRY(const catalog::DatasetContent before, ReadContent(name, current->content));
    TARN_CHECK_OK(CheckSchema(name, before, content));
  }
  return Write(name, std::move(text), current, std::nullopt, options.changed_by);
}

Result<Store::PutResult> Store::Touch(const std::string& name, const Condition& condition,
                                      const auth::KeyScope& keys, const std::string& changed_by) {
  return RunChange(name, [&]() -> Result<PutResult> {
    TARN_TRY(const std::optional<Record> current, Find(database_, name));
    if (!current) return NoSuchDatasetError(name);
    TARN_CHECK_OK(condition(&*current));
    TARN_CHECK_OK(RequireStoredKeys(keys, name, current->content));
    return Write(name, current->content, current, std::nullopt, changed_by);
  });
}

Result<Store::PutResult> Store::Restore(const std::string& name, const std::string& dataset_id,
                                        uint64_t version, const Condition& condition,
                                        const auth::KeyScope& keys, const std::string& changed_by) {
  return RunChange(name, [&] {
    return RestoreInTransaction(name, dataset_id, version, condition, keys, changed_by);
  });
}

Result<Store::PutResult> Store::RestoreInTransaction(const std::string& name,
                                                     std::string dataset_id, uint64_t version,
                                                     const Condition& condition,
                                                     const auth::KeyScope& keys,
                                                     const std::string& changed_by) {
  TARN_TRY(std::optional<Record> current, Find(database_, name));
  TARN_TRY(const std::optional<Deletion> deletion, FindDeletion(name));
  if (!current && !deletion) return NoSuchDatasetError(name);
  TARN_CHECK_OK(condition(current ? &*current : nullptr));
  if (dataset_id.empty())
    dataset_id = current ? current->manifest.dataset_id : deletion->dataset_id;
  const bool is_current =
      current && current->manifest.dataset_id == dataset_id && current->manifest.version == version;
  if (is_current) return PutResult{PutOutcome::kUnchanged, std::move(*current)};
  const Error unknown =
      NotFound(fmt::format("the history has no version {} of \"{}\" with the "
                           "dataset_id \"{}\"",
                           version, name, dataset_id));
  if (deletion && deletion->dataset_id == dataset_id && deletion->version == version) {
    return Error{ErrorKind::kConflict,
                 fmt::format("version {} of \"{}\" is its deletion", version, name)};
  }
  TARN_TRY(SqliteStatement query,
           database_.Prepare("SELECT content FROM history WHERE name = ? AND dataset_id = ? AND "
                             "version = ?"));
  query.Bind(1, name).Bind(2, dataset_id).Bind(3, static_cast<int64_t>(version));
  TARN_TRY(const bool found, query.Step());
  if (!found) return unknown;
  if (query.IsNull(0)) {
    return Error{ErrorKind::kConflict,
                 fmt::format("version {} of \"{}\" is its deletion", version, name)};
  }
  std::string content = query.Text(0);
  TARN_CHECK_OK(RequireStoredKeys(keys, name, content));
  if (current && current->content == content) {
    return PutResult{PutOutcome::kUnchanged, std::move(*current)};
  }
  return Write(name, std::move(content), current, deletion, changed_by);
}

Result<Store::PutResult> Store::Write(const std::string& name, std::string content,
                                      const std::optional<Record>& current,
                                      const std::optional<Deletion>& revived,
                                      const std::string& changed_by) {
  if (!current) TARN_CHECK_OK(CheckNameIsUnique(name));
  TARN_TRY(const Change change, NextChange());
  TARN_CHECK_OK(KeepHistory(name));
  PutResult result{.outcome = current ? PutOutcome::kUpdated : PutOutcome::kCreated,
                   .record = {.content = std::move(content)}};
  catalog::Manifest& manifest = result.record.manifest;
  if (current) {
    manifest = current->manifest;
    ++manifest.version;
  } else if (revived) {
    manifest = {.dataset_id = revived->dataset_id,
                .created_at = revived->created_at,
                .version = revived->version + 1};
  } else {
    manifest = {.dataset_id = RandomId() + RandomId(), .created_at = change.time, .version = 1};
  }
  manifest.name = name;
  manifest.updated_at = change.time;
  manifest.changed_by = changed_by;
  TARN_TRY(SqliteStatement replace,
           database_.Prepare("INSERT OR REPLACE INTO datasets (name, dataset_id, version, content, "
                             "created_at, updated_at, revision, changed_by) "
                             "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  TARN_CHECK_OK(replace.Bind(1, name)
                    .Bind(2, manifest.dataset_id)
                    .Bind(3, static_cast<int64_t>(manifest.version))
                    .Bind(4, result.record.content)
                    .Bind(5, ToInteger(manifest.created_at))
                    .Bind(6, ToInteger(change.time))
                    .Bind(7, static_cast<int64_t>(change.revision))
                    .Bind(8, changed_by)
                    .Step());
  TARN_CHECK_OK(RemoveExpired(name, change.time));
  return result;
}

Result<> Store::Delete(const std::string& name, const Condition& condition) {
  return RunChange(name, [&] { return DeleteInTransaction(name, condition); });
}

Result<> Store::DeleteInTransaction(const std::string& name, const Condition& condition) {
  TARN_TRY(const std::optional<Record> current, Find(database_, name));
  if (!current) return NoSuchDatasetError(name);
  TARN_CHECK_OK(condition(&*current));
  TARN_TRY(const Change change, NextChange());
  TARN_CHECK_OK(KeepHistory(name));
  TARN_TRY(SqliteStatement remove, database_.Prepare("DELETE FROM datasets WHERE name = ?"));
  TARN_CHECK_OK(remove.Bind(1, name).Step());
  const catalog::Manifest& last = current->manifest;
  TARN_TRY(SqliteStatement insert,
           database_.Prepare("INSERT INTO deletions (name, revision, dataset_id, version, "
                             "created_at, deleted_at) VALUES (?, ?, ?, ?, ?, ?)"));
  TARN_CHECK_OK(insert.Bind(1, name)
                    .Bind(2, static_cast<int64_t>(change.revision))
                    .Bind(3, last.dataset_id)
                    .Bind(4, static_cast<int64_t>(last.version + 1))
                    .Bind(5, ToInteger(last.created_at))
                    .Bind(6, ToInteger(change.time))
                    .Step());
  return RemoveExpired(name, change.time);
}

Result<std::optional<Store::Deletion>> Store::FindDeletion(const std::string& name) {
  TARN_TRY(
      SqliteStatement query,
      database_.Prepare("SELECT dataset_id, version, created_at FROM deletions WHERE name = ?"));
  TARN_TRY(const bool row, query.Bind(1, name).Step());
  if (!row) return std::optional<Deletion>();
  return std::optional(
      Deletion{query.Text(0), ToCount(query.Integer(1)), ToTime(query.Integer(2))});
}

Result<> Store::CheckNameIsUnique(const std::string& name) {
  TARN_TRY(SqliteStatement query,
           database_.Prepare("SELECT 1 FROM datasets WHERE name = ? COLLATE NOCASE LIMIT 1"));
  TARN_TRY(const bool is_taken, query.Bind(1, name).Step());
  if (!is_taken) return {};
  return Error{
      ErrorKind::kConflict,
      fmt::format("another dataset has the name \"{}\" in a different case, and SQL ignores case: "
                  "choose another name",
                  name)};
}

Result<Store::Change> Store::NextChange() {
  TARN_TRY(SqliteStatement query, database_.Prepare("SELECT revision, last_change FROM catalogue"));
  TARN_TRY(const bool row, query.Step());
  if (!row) return Internal("the catalogue's revision is missing");
  // Strictly later than all previous changes, even if the clock was set back: readers treat an
  // equal updated_at as unchanged.
  const int64_t time = std::max(ToInteger(NowMicros()), query.Integer(1) + 1);
  next_revision_ = ToCount(query.Integer(0)) + 1;
  TARN_TRY(SqliteStatement update,
           database_.Prepare("UPDATE catalogue SET revision = ?, last_change = ?"));
  TARN_CHECK_OK(update.Bind(1, static_cast<int64_t>(next_revision_)).Bind(2, time).Step());
  return Change{next_revision_, ToTime(time)};
}

Result<> Store::KeepHistory(const std::string& name) {
  TARN_TRY(SqliteStatement dataset,
           database_.Prepare("INSERT INTO history SELECT name, revision, dataset_id, version, "
                             "content, updated_at FROM datasets WHERE name = ?"));
  TARN_CHECK_OK(dataset.Bind(1, name).Step());
  TARN_TRY(SqliteStatement deletion,
           database_.Prepare("INSERT INTO history SELECT name, revision, dataset_id, version, "
                             "NULL, deleted_at FROM deletions WHERE name = ?"));
  TARN_CHECK_OK(deletion.Bind(1, name).Step());
  TARN_TRY(SqliteStatement remove, database_.Prepare("DELETE FROM deletions WHERE name = ?"));
  TARN_CHECK_OK(remove.Bind(1, name).Step());
  return {};
}

Result<> Store::RemoveExpired(const std::string& name, UnixMicros now) {
  // The table does not include the current version.
  TARN_TRY(SqliteStatement trim,
           database_.Prepare("DELETE FROM history WHERE name = ?1 AND revision <= (SELECT revision "
                             "FROM history WHERE name = ?1 ORDER BY revision DESC LIMIT 1 OFFSET "
                             "?2)"));
  TARN_CHECK_OK(trim.Bind(1, name).Bind(2, options_.history_versions_max - 1).Step());

  // More than one change can add, so that the backlog shrinks.
  constexpr int kNamesMax = 8;
  const auto keep = std::chrono::duration_cast<std::chrono::microseconds>(options_.deleted_keep);
  TARN_TRY(SqliteStatement old,
           database_.Prepare("SELECT name, revision, deleted_at FROM deletions ORDER BY revision "
                             "LIMIT ?"));
  old.Bind(1, kNamesMax);
  std::vector<std::string> names;
  int64_t forgotten = 0;
  for (;;) {
    TARN_TRY(const bool row, old.Step());
    if (!row || ToTime(old.Integer(2)) > now - keep || old.View(0) == name) break;
    names.push_back(old.Text(0));
    forgotten = old.Integer(1);
  }
  if (names.empty()) return {};
  for (const std::string& gone : names) {
    for (const char* table : {"history", "deletions"}) {
      TARN_TRY(SqliteStatement remove,
               database_.Prepare(fmt::format("DELETE FROM {} WHERE name = ?", table)));
      TARN_CHECK_OK(remove.Bind(1, gone).Step());
    }
  }
  TARN_TRY(SqliteStatement update, database_.Prepare("UPDATE catalogue SET forgotten = ?"));
  TARN_CHECK_OK(update.Bind(1, forgotten).Step());
  return {};
}

void Store::Announce(const std::vector<Job*>& batch) {
  revision_ = next_revision_;
  if (lock_) lock_->StorePosition(Now().Text());
  if (!on_change_) return;
  for (const Job* job : batch) {
    if (job->changed) on_change_(*job->name);
  }
}

}  // namespace tarn::catalogd
