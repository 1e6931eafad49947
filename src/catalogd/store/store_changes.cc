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

Result<Store::PutResult> Store::Put(const std::string& name, const catalog::DatasetContent& content,
                                    const PutOptions& options) {
  TARN_CHECK_OK(RequireKeys(options.change.keys, content));
  std::string text = catalog::FormatDatasetContent(content);
  return RunChange(
      name, [&]() TARN_REQUIRES(mutex_) { return PutInTransaction(name, content, text, options); });
}

Result<Store::PutResult> Store::PutInTransaction(const std::string& name,
                                                 const catalog::DatasetContent& content,
                                                 const std::string& text,
                                                 const PutOptions& options) {
  TARN_TRY(std::optional<DatasetRow> current, FindDataset(database_, name));
  TARN_CHECK_OK(options.change.condition(current ? &current->manifest : nullptr));
  if (current && !options.touch) {
    TARN_TRY(const bool same, ContentEquals(database_, current->content_id, text));
    if (same) return Unchanged(*current, options.change);
  }
  if (current && content.schema && !options.allow_schema_change) {
    TARN_TRY(const std::string stored, ReadContent(database_, current->content_id));
    TARN_TRY(const catalog::DatasetContent before, ParseContent(name, stored));
    TARN_CHECK_OK(CheckSchema(name, before, content));
  }
  return Write(name, {.content = text, .current = std::move(current)}, options.change);
}

Result<Store::PutResult> Store::Touch(const std::string& name, const ChangeOptions& options) {
  return RunChange(name, [&]() TARN_REQUIRES(mutex_) -> Result<PutResult> {
    TARN_TRY(const std::optional<DatasetRow> current, FindDataset(database_, name));
    if (!current) return NoSuchDatasetError(name);
    TARN_CHECK_OK(options.condition(&current->manifest));
    TARN_TRY(std::string content,
             ReadAllowed(name, {current->content_id, current->bytes}, options));
    return Write(
        name,
        {.content = std::move(content), .content_id = current->content_id, .current = current},
        options);
  });
}

Result<Store::PutResult> Store::Restore(const std::string& name, const std::string& dataset_id,
                                        uint64_t version, const ChangeOptions& options) {
  return RunChange(name, [&]() TARN_REQUIRES(mutex_) {
    return RestoreInTransaction(name, dataset_id, version, options);
  });
}

Result<Store::PutResult> Store::RestoreInTransaction(const std::string& name,
                                                     std::string dataset_id, uint64_t version,
                                                     const ChangeOptions& options) {
  TARN_TRY(std::optional<DatasetRow> current, FindDataset(database_, name));
  TARN_TRY(std::optional<Deletion> deletion, FindDeletion(name));
  if (!current && !deletion) return NoSuchDatasetError(name);
  TARN_CHECK_OK(options.condition(current ? &current->manifest : nullptr));
  if (dataset_id.empty())
    dataset_id = current ? current->manifest.dataset_id : deletion->dataset_id;
  const bool is_current =
      current && current->manifest.dataset_id == dataset_id && current->manifest.version == version;
  if (is_current) {
    // The keys are checked even if nothing changes, as in every other change.
    TARN_TRY(std::string content,
             ReadAllowed(name, {current->content_id, current->bytes}, options));
    return PutResult{PutOutcome::kUnchanged, {std::move(current->manifest), std::move(content)}};
  }
  if (deletion && deletion->dataset_id == dataset_id && deletion->version == version) {
    return DeletionError(name, version);
  }
  TARN_TRY(const StoredContent former, FindFormer(name, dataset_id, version));
  TARN_TRY(std::string content, ReadAllowed(name, former, options));
  if (current) {
    TARN_TRY(const bool same, ContentEquals(database_, current->content_id, content));
    if (same) return Unchanged(*current, options);
  }
  return Write(name,
               {.content = std::move(content),
                .content_id = former.id,
                .current = std::move(current),
                .revived = std::move(deletion)},
               options);
}

Result<Store::StoredContent> Store::FindFormer(const std::string& name,
                                               const std::string& dataset_id, uint64_t version) {
  TARN_TRY(SqliteStatement query,
           database_.Prepare("SELECT content_id, bytes FROM history WHERE name = ? AND dataset_id "
                             "= ? AND version = ?"));
  query.Bind(1, name).Bind(2, dataset_id).Bind(3, static_cast<int64_t>(version));
  TARN_TRY(const bool found, query.Step());
  if (!found) {
    return NotFound(
        fmt::format("the history has no version {} of \"{}\" with the "
                    "dataset_id \"{}\"",
                    version, name, dataset_id));
  }
  if (query.IsNull(0)) return DeletionError(name, version);
  return StoredContent{query.Integer(0), ToCount(query.Integer(1))};
}

Result<std::string> Store::ReadAllowed(const std::string& name, const StoredContent& stored,
                                       const ChangeOptions& options) {
  TARN_CHECK_OK(options.reserve(stored.bytes));
  TARN_TRY(std::string content, ReadContent(database_, stored.id));
  if (options.keys.is_all()) return content;
  TARN_TRY(const catalog::DatasetContent parsed, ParseContent(name, content));
  TARN_CHECK_OK(RequireKeys(options.keys, parsed));
  return content;
}

Result<Store::PutResult> Store::Unchanged(const DatasetRow& current, const ChangeOptions& options) {
  TARN_CHECK_OK(options.reserve(current.bytes));
  TARN_TRY(std::string content, ReadContent(database_, current.content_id));
  return PutResult{PutOutcome::kUnchanged, {current.manifest, std::move(content)}};
}

Result<Store::PutResult> Store::Write(const std::string& name, NewVersion version,
                                      const ChangeOptions& options) {
  const std::optional<DatasetRow>& current = version.current;
  if (!current) TARN_CHECK_OK(CheckNameIsUnique(name));
  DatasetRow row{.bytes = ListedBytes(name, options.changed_by, version.content.size())};
  TARN_CHECK_OK(CheckLimits(options_.limits, database_,
                            {.token = options.changed_by,
                             .is_tenant = options.is_tenant,
                             .bytes_before = current ? current->bytes : 0,
                             .token_before = current ? current->manifest.changed_by : "",
                             .bytes_after = row.bytes,
                             .is_new = !current}));
  TARN_CHECK_OK(options.reserve(row.bytes));
  TARN_TRY(const Change change, NextChange());
  TARN_CHECK_OK(KeepHistory(name));
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
    TARN_TRY(row.content_id, AddContent(database_, version.content));
    written_bytes_ += version.content.size();
  }
  TARN_CHECK_OK(WriteRow(row, change.revision));
  TARN_CHECK_OK(RemoveExpired(name, change.time));
  return PutResult{current ? PutOutcome::kUpdated : PutOutcome::kCreated,
                   {std::move(manifest), std::move(version.content)}};
}

Result<> Store::WriteRow(const DatasetRow& row, uint64_t revision) {
  const catalog::Manifest& manifest = row.manifest;
  // An UPDATE would need a trigger of its own for the sums.
  TARN_TRY(SqliteStatement remove, database_.Prepare("DELETE FROM datasets WHERE name = ?"));
  TARN_CHECK_OK(remove.Bind(1, manifest.name).Step());
  TARN_TRY(SqliteStatement insert,
           database_.Prepare("INSERT INTO datasets (name, dataset_id, version, revision, "
                             "created_at, updated_at, changed_by, content_id, bytes) "
                             "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  TARN_CHECK_OK(insert.Bind(1, manifest.name)
                    .Bind(2, manifest.dataset_id)
                    .Bind(3, static_cast<int64_t>(manifest.version))
                    .Bind(4, static_cast<int64_t>(revision))
                    .Bind(5, ToInteger(manifest.created_at))
                    .Bind(6, ToInteger(manifest.updated_at))
                    .Bind(7, manifest.changed_by)
                    .Bind(8, row.content_id)
                    .Bind(9, static_cast<int64_t>(row.bytes))
                    .Step());
  return {};
}

Result<> Store::Delete(const std::string& name, const Condition& condition) {
  return RunChange(name,
                   [&]() TARN_REQUIRES(mutex_) { return DeleteInTransaction(name, condition); });
}

Result<> Store::DeleteInTransaction(const std::string& name, const Condition& condition) {
  TARN_TRY(const std::optional<DatasetRow> current, FindDataset(database_, name));
  if (!current) return NoSuchDatasetError(name);
  TARN_CHECK_OK(condition(&current->manifest));
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
                             "updated_at, content_id, bytes FROM datasets WHERE name = ?"));
  TARN_CHECK_OK(dataset.Bind(1, name).Step());
  TARN_TRY(SqliteStatement deletion,
           database_.Prepare("INSERT INTO history SELECT name, revision, dataset_id, version, "
                             "deleted_at, NULL, 0 FROM deletions WHERE name = ?"));
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

}  // namespace tarn::catalogd
