// How a Store keeps former versions and deletions, and forgets the oldest of them.

#include <fmt/format.h>

#include <utility>

#include "catalogd/store/store.h"

namespace tarn::catalogd {

Result<> Store::KeepHistory(const std::string& name) {
  TARN_TRY(
      SqliteStatement dataset,
      database_.Prepare("INSERT INTO history (name, revision, dataset_id, version, updated_at, "
                        "content_id, bytes, key_folder) SELECT name, revision, dataset_id, "
                        "version, updated_at, content_id, bytes, key_folder FROM datasets "
                        "WHERE name = ?"));
  TARN_CHECK_OK(dataset.Bind(1, name).Step());
  TARN_TRY(
      SqliteStatement deletion,
      database_.Prepare("INSERT INTO history (name, revision, dataset_id, version, updated_at, "
                        "content_id, bytes) SELECT name, revision, dataset_id, version, "
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

}  // namespace tarn::catalogd
