#include "catalogd/store/contents.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/manifest_json.h"
#include "catalogd/store/rows.h"

namespace tarn::catalogd {

Result<int64_t> AddContent(SqliteDatabase& database, std::string_view content) {
  TARN_TRY(SqliteStatement insert, database.Prepare("INSERT INTO contents (content) VALUES (?)"));
  TARN_CHECK_OK(insert.Bind(1, content).Step());
  return database.LastRow();
}

Result<uint64_t> ContentBytes(SqliteDatabase& database, int64_t id) {
  TARN_TRY(const SqliteBlob blob, database.OpenBlob("contents", "content", id));
  return uint64_t{blob.size()};
}

Result<std::string> ReadContent(SqliteDatabase& database, int64_t id) {
  TARN_TRY(SqliteBlob blob, database.OpenBlob("contents", "content", id));
  std::string content;
  TARN_CHECK_OK(blob.Append(0, blob.size(), content));
  return content;
}

Result<catalog::DatasetContent> ParseContent(const std::string& name, std::string_view json) {
  Result<catalog::DatasetContent> content = catalog::ParseDatasetContent(json);
  if (content.ok()) return content;
  return Internal(
      fmt::format("the stored manifest of \"{}\" is damaged: {}", name, content.error().message));
}

Result<bool> ContentEquals(SqliteDatabase& database, int64_t id, std::string_view content) {
  TARN_TRY(SqliteBlob blob, database.OpenBlob("contents", "content", id));
  if (blob.size() != content.size()) return false;
  constexpr size_t kPieceBytes = 256 * 1024;
  std::string piece;
  for (size_t offset = 0; offset < content.size(); offset += piece.size()) {
    piece.clear();
    TARN_CHECK_OK(blob.Append(offset, std::min(kPieceBytes, content.size() - offset), piece));
    if (content.substr(offset, piece.size()) != piece) return false;
  }
  return true;
}

Result<> DeleteUnusedContents(SqliteDatabase& database, uint64_t bytes) {
  uint64_t deleted = 0;
  do {
    TARN_TRY(SqliteStatement next, database.Prepare("SELECT content_id, bytes FROM "
                                                    "unused_contents ORDER BY content_id LIMIT 1"));
    TARN_TRY(const bool row, next.Step());
    if (!row) return {};
    const int64_t id = next.Integer(0);
    deleted += ToCount(next.Integer(1));
    for (const char* remove : {"DELETE FROM contents WHERE id = ?",
                               "DELETE FROM unused_contents WHERE content_id = ?"}) {
      TARN_TRY(SqliteStatement statement, database.Prepare(remove));
      TARN_CHECK_OK(statement.Bind(1, id).Step());
    }
  } while (deleted < bytes);
  return {};
}

}  // namespace tarn::catalogd
