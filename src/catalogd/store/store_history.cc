// How a Store keeps former versions and deletions, and forgets the oldest of them.

#include <fmt/format.h>

#include <utility>

#include "catalogd/store/store.h"

namespace tarn::catalogd {

namespace {

// A former version or a deletion by a token.
struct OwnRow {
  std::string name;
  int64_t revision = 0;
};

Result<std::optional<OwnRow>> OldestOf(SqliteDatabase& database, const char* table,
                                       const std::string& token) {
  TARN_TRY(
      SqliteStatement oldest,
      database.Prepare(fmt::format(
          "SELECT name, revision FROM {} WHERE changed_by = ? ORDER BY revision LIMIT 1", table)));
  TARN_TRY(const bool row, oldest.Bind(1, token).Step());
  if (!row) return std::optional<OwnRow>();
  return std::optional(OwnRow{oldest.Text(0), oldest.Integer(1)});
}

}  // namespace

Result<> Store::KeepHistory(const std::string& name, bool shares_content) {
  // A row takes at most its name and 512 bytes with its place in the indexes.
  TARN_TRY(
      SqliteStatement dataset,
      database_.Prepare("INSERT INTO history (name, revision, dataset_id, version, updated_at, "
                        "content_id, bytes, key_folder, changed_by, kept_bytes) SELECT name, "
                        "revision, dataset_id, version, updated_at, content_id, bytes, "
                        "key_folder, changed_by, 512 + iif(?2, 0, bytes) FROM datasets WHERE "
                        "name = ?1"));
  TARN_CHECK_OK(dataset.Bind(1, name).Bind(2, int64_t{shares_content}).Step());
  TARN_TRY(
      SqliteStatement deletion,
      database_.Prepare("INSERT INTO history (name, revision, dataset_id, version, updated_at, "
                        "content_id, bytes, changed_by, kept_bytes) SELECT name, revision, "
                        "dataset_id, version, deleted_at, NULL, 0, changed_by, 512 FROM "
                        "deletions WHERE name = ?"));
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
  std::vector<std::pair<std::string, int64_t>> names;
  for (;;) {
    TARN_TRY(const bool row, old.Step());
    if (!row || ToTime(old.Integer(2)) > now - keep || old.View(0) == name) break;
    names.emplace_back(old.Text(0), old.Integer(1));
  }
  for (const auto& [gone, revision] : names) TARN_CHECK_OK(ForgetDeleted(gone, revision));
  return {};
}

Result<> Store::ForgetDeleted(const std::string& name, int64_t revision) {
  for (const char* table : {"history", "deletions"}) {
    TARN_TRY(SqliteStatement remove,
             database_.Prepare(fmt::format("DELETE FROM {} WHERE name = ?", table)));
    TARN_CHECK_OK(remove.Bind(1, name).Step());
  }
  TARN_TRY(SqliteStatement update,
           database_.Prepare("UPDATE catalogue SET forgotten = max(forgotten, ?)"));
  TARN_CHECK_OK(update.Bind(1, revision).Step());
  return {};
}

Result<> Store::TrimHistoryOf(const std::string& token) {
  // More than one change adds, so that the sum shrinks, and few enough that no change takes long.
  constexpr int kRowsMax = 64;
  for (int i = 0; i < kRowsMax; ++i) {
    TARN_TRY(SqliteStatement usage,
             database_.Prepare("SELECT bytes FROM history_usage WHERE token = ?"));
    TARN_TRY(const bool has_any, usage.Bind(1, token).Step());
    if (!has_any || usage.Integer(0) <= options_.history_bytes_max_per_token) return {};
    TARN_TRY(const std::optional<OwnRow> version, OldestOf(database_, "history", token));
    TARN_TRY(const std::optional<OwnRow> deletion, OldestOf(database_, "deletions", token));
    if (deletion && (!version || deletion->revision < version->revision)) {
      TARN_CHECK_OK(ForgetDeleted(deletion->name, deletion->revision));
      continue;
    }
    if (!version) return {};
    TARN_TRY(SqliteStatement remove,
             database_.Prepare("DELETE FROM history WHERE name = ? AND revision = ?"));
    TARN_CHECK_OK(remove.Bind(1, version->name).Bind(2, version->revision).Step());
  }
  return {};
}

}  // namespace tarn::catalogd
