#include "catalogd/store/listing.h"

#include <fmt/format.h>

#include "catalog/manifest_json.h"
#include "catalogd/store/rows.h"

namespace tarn::catalogd {

Result<> Listing::Begin(SqliteDatabase& database) {
  const auto since = static_cast<int64_t>(query_.since.value_or(0));
  // Changes are read in the order of the revision index, so the cost depends on their number.
  const std::string order = query_.since ? "WHERE revision > ? ORDER BY revision" : "ORDER BY name";
  TARN_TRY(SqliteStatement manifests,
           database.Prepare(fmt::format("SELECT {} FROM datasets {}", kManifestColumns, order)));
  if (query_.since) {
    manifests.Bind(1, since);
    TARN_TRY(SqliteStatement deleted,
             database.Prepare("SELECT name FROM deletions WHERE revision > "
                              "? ORDER BY revision"));
    deleted.Bind(1, since);
    deleted_ = std::move(deleted);
  }
  manifests_ = std::move(manifests);
  return {};
}

Result<> Listing::ReadAll() {
  constexpr size_t kPieceBytes = 256 * 1024;
  std::deque<std::string> pieces;
  for (;;) {
    TARN_TRY(std::optional<std::string> piece, Next(kPieceBytes));
    if (!piece) break;
    pieces.push_back(std::move(*piece));
  }
  ready_ = std::move(pieces);
  manifests_.reset();
  deleted_.reset();
  return {};
}

Result<std::optional<std::string>> Listing::Next(size_t bytes) {
  std::string out;
  if (!ready_.empty()) {
    out = std::move(ready_.front());
    ready_.pop_front();
    return std::optional(std::move(out));
  }
  TARN_CHECK_OK(Append(out, bytes));
  if (out.empty()) return std::optional<std::string>();
  return std::optional(std::move(out));
}

Result<> Listing::Append(std::string& out, size_t bytes) {
  if (part_ == Part::kHead) {
    out += fmt::format(R"({{"catalog_id":{},"revision":{},)",
                       catalog::JsonText(query_.position.catalog_id), query_.position.revision);
    if (query_.since) out += fmt::format("\"since\":{},", *query_.since);
    out += "\"manifests\":[";
    part_ = Part::kManifests;
  }
  if (part_ == Part::kManifests) {
    TARN_TRY(const bool done, AppendManifests(out, bytes));
    if (!done) return {};
    out += query_.since ? "],\"deleted\":[" : "]}";
    part_ = query_.since ? Part::kDeleted : Part::kEnd;
    is_first_ = true;
  }
  if (part_ == Part::kDeleted) {
    TARN_TRY(const bool done, AppendDeleted(out, bytes));
    if (!done) return {};
    out += "]}";
    part_ = Part::kEnd;
  }
  return {};
}

Result<bool> Listing::AppendManifests(std::string& out, size_t bytes) {
  while (out.size() < bytes) {
    TARN_TRY(const bool row, manifests_->Step());
    if (!row) return true;
    if (!query_.scope.Allows(manifests_->View(0))) continue;
    if (!is_first_) out += ',';
    is_first_ = false;
    catalog::AppendManifest(out, ToManifest(*manifests_), manifests_->View(kContentColumn));
  }
  return false;
}

Result<bool> Listing::AppendDeleted(std::string& out, size_t bytes) {
  while (out.size() < bytes) {
    TARN_TRY(const bool row, deleted_->Step());
    if (!row) return true;
    if (!query_.scope.Allows(deleted_->View(0))) continue;
    if (!is_first_) out += ',';
    is_first_ = false;
    out += catalog::JsonText(deleted_->View(0));
  }
  return false;
}

}  // namespace tarn::catalogd
