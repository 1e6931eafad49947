#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "base/text.h"
#include "catalog/column_types.h"
#include "catalog/manifest_json.h"
#include "catalogd/store/contents.h"
#include "catalogd/store/store.h"

namespace tarn::catalogd {

namespace {

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

Error DeletionError(const std::string& name, uint64_t version) {
  return {ErrorKind::kConflict, fmt::format("version {} of \"{}\" is its deletion", version, name)};
}

// A change is tried again if its dataset was changed while a large manifest was read for it.
constexpr int kAttemptsMax = 10;

Error StaleError() { return {ErrorKind::kStale, "the dataset was changed meanwhile"}; }

Error ContendedError(const std::string& name) {
  return Unavailable(fmt::format("\"{}\" was changed {} times while this change was prepared", name,
                                 kAttemptsMax));
}

// Returns the longest folder that all keys are in; empty if it is not known. See
// auth::KeyScope::FolderOf.
std::string CommonFolder(const catalog::DatasetContent& content) {
  std::string_view common;
  for (size_t i = 0; i < content.objects.size(); ++i) {
    const std::string_view folder = auth::KeyScope::FolderOf(content.objects[i].key);
    if (folder.empty()) return "";
    if (i == 0) common = folder;
    while (!folder.starts_with(common)) {
      const size_t slash = common.rfind('/', common.size() - 2);
      if (common.size() < 2 || slash == std::string_view::npos) return "";
      common = common.substr(0, slash + 1);
    }
  }
  return std::string(common);
}

}  // namespace

template <class F>
std::invoke_result_t<F> Store::RunChange(const std::string& name, const F& f) {
  std::optional<std::invoke_result_t<F>> result;
  Job job{.name = &name};
  // Clang does not see that RunBatch holds the mutex that f requires.
  job.run = [&f, &result]() TARN_NO_THREAD_SAFETY_ANALYSIS -> Result<> {
    result.emplace(f());
    return result->ok() ? Result<>() : result->error();
  };
  Submit(job);
  if (!job.result.ok()) return job.result.error();
  return std::move(*result);
}

// --- A content that a client sends ---------------------------------------------------------------

Result<Store::PutResult> Store::Put(const std::string& name, const catalog::DatasetContent& content,
                                    const PutOptions& options) {
  TARN_CHECK_OK(RequireKeys(options.change.keys, content));
  SentContent sent{.content = content,
                   .text = catalog::FormatDatasetContent(content),
                   .key_folder = CommonFolder(content)};
  std::optional<Comparison> compared;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    Result<PutResult> put = RunChange(name, [&]() TARN_REQUIRES(mutex_) {
      return PutInTransaction(name, sent, compared, options);
    });
    if (put.ok()) put->record.content = std::move(sent.text);
    if (put.ok() || put.error().kind != ErrorKind::kStale) return put;
    if (options.change.only_small) return PutResult{.outcome = PutOutcome::kIsLarge};
    const auto compare = [&](SqliteDatabase& database) -> Result<std::optional<Comparison>> {
      TARN_TRY(const std::optional<DatasetRow> current, FindDataset(database, name));
      if (!current) return std::optional<Comparison>();
      TARN_TRY(Comparison made, Compare(database, *current, sent, options));
      return std::optional(std::move(made));
    };
    TARN_TRY(compared, Read(compare));
  }
  return ContendedError(name);
}

Result<Store::Comparison> Store::Compare(SqliteDatabase& database, const DatasetRow& current,
                                         const SentContent& sent, const PutOptions& options) {
  Comparison comparison{.tag = TagOf(current.manifest)};
  TARN_TRY(comparison.is_same, ContentEquals(database, current.content_id, sent.text));
  if (comparison.is_same || !sent.content.schema || options.allow_schema_change) return comparison;
  TARN_TRY(const std::string stored, ReadContent(database, current.content_id));
  const std::string& name = current.manifest.name;
  TARN_TRY(const catalog::DatasetContent before, ParseContent(name, stored));
  comparison.schema = CheckSchema(name, before, sent.content);
  return comparison;
}

Result<Store::PutResult> Store::PutInTransaction(const std::string& name, const SentContent& sent,
                                                 const std::optional<Comparison>& compared,
                                                 const PutOptions& options) {
  TARN_TRY(std::optional<DatasetRow> current, FindDataset(database_, name));
  TARN_CHECK_OK(options.change.condition(current ? &current->manifest : nullptr));
  if (current) {
    const bool is_compared = compared && compared->tag == TagOf(current->manifest);
    if (!is_compared && IsLarge(current->bytes)) return StaleError();
    Result<Comparison> comparison =
        is_compared ? Result<Comparison>(*compared) : Compare(database_, *current, sent, options);
    if (!comparison.ok()) return comparison.error();
    if (comparison->is_same && !options.touch) {
      TARN_CHECK_OK(options.change.reserve(current->bytes));
      return PutResult{PutOutcome::kUnchanged, {.manifest = std::move(current->manifest)}};
    }
    TARN_CHECK_OK(comparison->schema);
  }
  const NewVersion version{
      .new_content = sent.text, .key_folder = sent.key_folder, .current = std::move(current)};
  return Write(name, version, options.change);
}

// --- A content that is stored --------------------------------------------------------------------

Result<Store::PutResult> Store::Touch(const std::string& name, const ChangeOptions& options) {
  return MakeCurrent(name, std::nullopt, options);
}

Result<Store::PutResult> Store::Restore(const std::string& name, const std::string& dataset_id,
                                        uint64_t version, const ChangeOptions& options) {
  return MakeCurrent(name, FormerVersion{.dataset_id = dataset_id, .version = version}, options);
}

Result<Store::PutResult> Store::MakeCurrent(const std::string& name,
                                            const std::optional<FormerVersion>& former,
                                            const ChangeOptions& options) {
  std::optional<SourceContent> content;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    Result<PutResult> put = RunChange(name, [&]() TARN_REQUIRES(mutex_) {
      return MakeCurrentInTransaction(name, former, content, options);
    });
    if (put.ok()) put->record.content = std::move(content->text);
    if (put.ok() || put.error().kind != ErrorKind::kStale) return put;
    if (options.only_small) return PutResult{.outcome = PutOutcome::kIsLarge};
    const auto read = [&](SqliteDatabase& database) -> Result<SourceContent> {
      TARN_TRY(const Source source, FindSource(database, name, former, options.condition));
      return ReadSource(database, name, source, options);
    };
    TARN_TRY(content, Read(read));
  }
  return ContendedError(name);
}

Result<Store::PutResult> Store::MakeCurrentInTransaction(const std::string& name,
                                                         const std::optional<FormerVersion>& former,
                                                         std::optional<SourceContent>& content,
                                                         const ChangeOptions& options) {
  TARN_TRY(Source source, FindSource(database_, name, former, options.condition));
  const std::string tag = source.current ? TagOf(source.current->manifest) : "";
  const bool is_read = content && content->tag == tag && content->id == source.stored.id;
  if (!is_read) {
    const uint64_t bytes =
        std::max(source.stored.bytes, source.current ? source.current->bytes : 0);
    if (IsLarge(bytes)) return StaleError();
    TARN_TRY(content, ReadSource(database_, name, source, options));
  }
  if (former && content->is_same) {
    return PutResult{PutOutcome::kUnchanged, {.manifest = std::move(source.current->manifest)}};
  }
  const NewVersion version{.content_id = source.stored.id,
                           .key_folder = std::move(source.stored.key_folder),
                           .current = std::move(source.current),
                           .revived = std::move(source.deletion)};
  return Write(name, version, options);
}

Result<Store::StoredContent> Store::FindFormer(SqliteDatabase& database, const std::string& name,
                                               const std::string& dataset_id, uint64_t version) {
  TARN_TRY(SqliteStatement query,
           database.Prepare("SELECT content_id, bytes, key_folder FROM history WHERE name = ? AND "
                            "dataset_id = ? AND version = ?"));
  query.Bind(1, name).Bind(2, dataset_id).Bind(3, static_cast<int64_t>(version));
  TARN_TRY(const bool found, query.Step());
  if (!found) {
    return NotFound(
        fmt::format("the history has no version {} of \"{}\" with the "
                    "dataset_id \"{}\"",
                    version, name, dataset_id));
  }
  if (query.IsNull(0)) return DeletionError(name, version);
  return StoredContent{query.Integer(0), ToCount(query.Integer(1)), query.Text(2)};
}

Result<std::optional<Store::Deletion>> Store::FindDeletion(SqliteDatabase& database,
                                                           const std::string& name) {
  TARN_TRY(
      SqliteStatement query,
      database.Prepare("SELECT dataset_id, version, created_at FROM deletions WHERE name = ?"));
  TARN_TRY(const bool row, query.Bind(1, name).Step());
  if (!row) return std::optional<Deletion>();
  return std::optional(
      Deletion{query.Text(0), ToCount(query.Integer(1)), ToTime(query.Integer(2))});
}

Result<Store::Source> Store::FindSource(SqliteDatabase& database, const std::string& name,
                                        const std::optional<FormerVersion>& former,
                                        const Condition& condition) {
  Source source;
  TARN_TRY(source.current, FindDataset(database, name));
  if (former) {
    TARN_TRY(source.deletion, FindDeletion(database, name));
  }
  const std::optional<DatasetRow>& current = source.current;
  if (!current && !source.deletion) return NoSuchDatasetError(name);
  TARN_CHECK_OK(condition(current ? &current->manifest : nullptr));
  std::string dataset_id = former ? former->dataset_id : "";
  if (dataset_id.empty()) {
    dataset_id = current ? current->manifest.dataset_id : source.deletion->dataset_id;
  }
  const bool is_current = current && current->manifest.dataset_id == dataset_id &&
                          (!former || current->manifest.version == former->version);
  if (is_current) {
    source.stored = {current->content_id, current->bytes, current->key_folder};
    return source;
  }
  if (source.deletion && source.deletion->dataset_id == dataset_id &&
      source.deletion->version == former->version) {
    return DeletionError(name, former->version);
  }
  TARN_TRY(source.stored, FindFormer(database, name, dataset_id, former->version));
  return source;
}

Result<Store::SourceContent> Store::ReadSource(SqliteDatabase& database, const std::string& name,
                                               const Source& source, const ChangeOptions& options) {
  SourceContent content{.tag = source.current ? TagOf(source.current->manifest) : "",
                        .id = source.stored.id};
  TARN_CHECK_OK(options.reserve(source.stored.bytes));
  TARN_TRY(content.text, ReadContent(database, source.stored.id));
  if (!options.keys.AllowsFolder(source.stored.key_folder)) {
    TARN_TRY(const catalog::DatasetContent parsed, ParseContent(name, content.text));
    TARN_CHECK_OK(RequireKeys(options.keys, parsed));
  }
  if (source.current) {
    content.is_same = source.current->content_id == source.stored.id;
    if (!content.is_same) {
      TARN_TRY(content.is_same, ContentEquals(database, source.current->content_id, content.text));
    }
  }
  return content;
}

// --- Rows ----------------------------------------------------------------------------------------

Result<Store::PutResult> Store::Write(const std::string& name, const NewVersion& version,
                                      const ChangeOptions& options) {
  const std::optional<DatasetRow>& current = version.current;
  if (!current) TARN_CHECK_OK(CheckNameIsUnique(name));
  uint64_t content_bytes = version.new_content.size();
  if (version.content_id) {
    TARN_TRY(content_bytes, ContentBytes(database_, *version.content_id));
  }
  DatasetRow row{.bytes = ListedBytes(name, options.changed_by, content_bytes),
                 .key_folder = version.key_folder};
  TARN_CHECK_OK(CheckLimits(options_.limits, database_,
                            {.token = options.changed_by,
                             .is_tenant = options.is_tenant,
                             .bytes_before = current ? current->bytes : 0,
                             .token_before = current ? current->manifest.changed_by : "",
                             .bytes_after = row.bytes,
                             .is_new = !current}));
  TARN_CHECK_OK(options.reserve(row.bytes));
  TARN_TRY(const Change change, NextChange());
  const bool shares_content = current && version.content_id == current->content_id;
  TARN_CHECK_OK(KeepHistory(name, shares_content));
  catalog::Manifest& manifest = row.manifest;
  if (current) {
    manifest = current->manifest;
    ++manifest.version;
  } else if (version.revived) {
    manifest = {.dataset_id = version.revived->dataset_id,
                .created_at = version.revived->created_at,
                .version = version.revived->version + 1};
  } else {
    manifest = {.dataset_id = RandomId() + RandomId(), .created_at = change.time, .version = 1};
  }
  manifest.name = name;
  manifest.updated_at = change.time;
  manifest.changed_by = options.changed_by;
  if (version.content_id) {
    row.content_id = *version.content_id;
  } else {
    TARN_TRY(row.content_id, AddContent(database_, version.new_content));
    written_bytes_ += version.new_content.size();
  }
  TARN_CHECK_OK(WriteRow(row, change.revision));
  TARN_CHECK_OK(RemoveExpired(name, change.time));
  if (options.is_tenant) TARN_CHECK_OK(TrimHistoryOf(options.changed_by));
  return PutResult{current ? PutOutcome::kUpdated : PutOutcome::kCreated,
                   {.manifest = std::move(manifest)}};
}

Result<> Store::WriteRow(const DatasetRow& row, uint64_t revision) {
  const catalog::Manifest& manifest = row.manifest;
  // Not an UPDATE, because only DELETE and INSERT have triggers that keep the sums.
  TARN_TRY(SqliteStatement remove, database_.Prepare("DELETE FROM datasets WHERE name = ?"));
  TARN_CHECK_OK(remove.Bind(1, manifest.name).Step());
  TARN_TRY(SqliteStatement insert,
           database_.Prepare("INSERT INTO datasets (name, dataset_id, version, revision, "
                             "created_at, updated_at, changed_by, content_id, bytes, key_folder) "
                             "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  TARN_CHECK_OK(insert.Bind(1, manifest.name)
                    .Bind(2, manifest.dataset_id)
                    .Bind(3, static_cast<int64_t>(manifest.version))
                    .Bind(4, static_cast<int64_t>(revision))
                    .Bind(5, ToInteger(manifest.created_at))
                    .Bind(6, ToInteger(manifest.updated_at))
                    .Bind(7, manifest.changed_by)
                    .Bind(8, row.content_id)
                    .Bind(9, static_cast<int64_t>(row.bytes))
                    .Bind(10, row.key_folder)
                    .Step());
  return {};
}

Result<> Store::Delete(const std::string& name, const ChangeOptions& options) {
  return RunChange(name,
                   [&]() TARN_REQUIRES(mutex_) { return DeleteInTransaction(name, options); });
}

Result<> Store::DeleteInTransaction(const std::string& name, const ChangeOptions& options) {
  TARN_TRY(const std::optional<DatasetRow> current, FindDataset(database_, name));
  if (!current) return NoSuchDatasetError(name);
  TARN_CHECK_OK(options.condition(&current->manifest));
  TARN_TRY(const Change change, NextChange());
  TARN_CHECK_OK(KeepHistory(name, /*shares_content=*/false));
  TARN_TRY(SqliteStatement remove, database_.Prepare("DELETE FROM datasets WHERE name = ?"));
  TARN_CHECK_OK(remove.Bind(1, name).Step());
  const catalog::Manifest& last = current->manifest;
  TARN_CHECK_OK(DeleteIcebergState(last.dataset_id, change.time));
  TARN_TRY(SqliteStatement insert,
           database_.Prepare("INSERT INTO deletions (name, revision, dataset_id, version, "
                             "created_at, deleted_at, changed_by) VALUES (?, ?, ?, ?, ?, ?, ?)"));
  TARN_CHECK_OK(insert.Bind(1, name)
                    .Bind(2, static_cast<int64_t>(change.revision))
                    .Bind(3, last.dataset_id)
                    .Bind(4, static_cast<int64_t>(last.version + 1))
                    .Bind(5, ToInteger(last.created_at))
                    .Bind(6, ToInteger(change.time))
                    .Bind(7, options.changed_by)
                    .Step());
  TARN_CHECK_OK(RemoveExpired(name, change.time));
  return options.is_tenant ? TrimHistoryOf(options.changed_by) : Result<>();
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

}  // namespace tarn::catalogd
