#include "catalogd/store/listing.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/manifest_json.h"
#include "catalogd/store/rows.h"

namespace tarn::catalogd {

namespace {

Error ListEndedError() {
  return Unavailable(
      "the list was ended because it was read too slowly while the catalogue changed "
      "(catalogd.wal_bytes_max): repeat the request");
}

}  // namespace

size_t OpenListings::End(std::chrono::steady_clock::duration age) {
  const auto opened_before = std::chrono::steady_clock::now() - age;
  const MutexLock lock(mutex_);
  return static_cast<size_t>(
      std::count_if(listings_.begin(), listings_.end(),
                    [&](Listing* listing) { return listing->End(opened_before); }));
}

void OpenListings::Add(Listing& listing) {
  const MutexLock lock(mutex_);
  listings_.insert(&listing);
}

void OpenListings::Remove(Listing& listing) {
  const MutexLock lock(mutex_);
  listings_.erase(&listing);
}

Listing::~Listing() {
  if (listings_ != nullptr) listings_->Remove(*this);
}

void Listing::Hold(ReaderPool::Reader reader, OpenListings& listings) {
  {
    const MutexLock lock(mutex_);
    reader_.emplace(std::move(reader));
    opened_ = std::chrono::steady_clock::now();
  }
  listings_ = &listings;
  listings.Add(*this);
}

bool Listing::End(std::chrono::steady_clock::time_point opened_before) {
  const MutexLock lock(mutex_);
  if (!reader_ || opened_ > opened_before) return false;
  Release();
  is_ended_ = true;
  return true;
}

void Listing::Release() {
  current_.reset();
  manifests_.reset();
  deleted_.reset();
  database_ = nullptr;
  reader_.reset();
}

bool Listing::IsAtEnd() {
  const MutexLock lock(mutex_);
  return part_ == Part::kEnd && ready_.empty();
}

Result<> Listing::Begin(SqliteDatabase& database) {
  const MutexLock lock(mutex_);
  database_ = &database;
  const auto since = static_cast<int64_t>(query_.since.value_or(0));
  // Changes are read in the order of the revision index, so the cost depends on their number.
  const std::string order = query_.since ? "WHERE revision > ? ORDER BY revision" : "ORDER BY name";
  TARN_TRY(SqliteStatement manifests,
           database.Prepare(fmt::format("SELECT {} FROM datasets {}", kDatasetColumns, order)));
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

Result<uint64_t> Listing::EstimateBytes(uint64_t bytes_max) {
  const MutexLock lock(mutex_);
  if (is_ended_) return ListEndedError();
  // Escapes make a name at most six times as long.
  constexpr const char* kDeletedBytes = "SELECT name, 6 * length(CAST(name AS BLOB)) + 3";
  const std::string order = query_.since ? "WHERE revision > ? ORDER BY revision" : "ORDER BY name";
  std::vector<std::string> texts = {"SELECT name, bytes FROM datasets " + order};
  if (query_.since) texts.push_back(fmt::format("{} FROM deletions {}", kDeletedBytes, order));
  constexpr uint64_t kHeadBytes = 1024;
  uint64_t bytes = kHeadBytes;
  for (const std::string& piece : ready_) bytes += piece.size();
  if (database_ == nullptr) return bytes;
  for (const std::string& text : texts) {
    TARN_TRY(SqliteStatement rows, database_->Prepare(text));
    if (query_.since) rows.Bind(1, static_cast<int64_t>(*query_.since));
    while (bytes <= bytes_max) {
      TARN_TRY(const bool row, rows.Step());
      if (!row) break;
      if (query_.scope.Allows(rows.View(0))) bytes += ToCount(rows.Integer(1));
    }
  }
  return bytes;
}

Result<> Listing::ReadAll() {
  constexpr size_t kPieceBytes = 256 * 1024;
  std::deque<std::string> pieces;
  for (;;) {
    TARN_TRY(std::optional<std::string> piece, Next(kPieceBytes));
    if (!piece) break;
    pieces.push_back(std::move(*piece));
  }
  const MutexLock lock(mutex_);
  ready_ = std::move(pieces);
  return {};
}

Result<std::optional<std::string>> Listing::Next(size_t bytes) {
  const MutexLock lock(mutex_);
  if (is_ended_) return ListEndedError();
  std::string out;
  if (!ready_.empty()) {
    out = std::move(ready_.front());
    ready_.pop_front();
    return std::optional(std::move(out));
  }
  TARN_CHECK_OK(Append(out, bytes));
  if (part_ == Part::kEnd) Release();
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
    if (!current_) {
      TARN_TRY(const bool row, manifests_->Step());
      if (!row) return true;
      if (!query_.scope.Allows(manifests_->View(0))) continue;
      TARN_CHECK_OK(BeginManifest(out));
    }
    TARN_CHECK_OK(AppendContent(out, bytes - std::min(bytes, out.size())));
  }
  return false;
}

Result<> Listing::BeginManifest(std::string& out) {
  DatasetRow row = ToDatasetRow(*manifests_);
  TARN_TRY(SqliteBlob content, database_->OpenBlob("contents", "content", row.content_id));
  if (content.size() < 2) {
    return Internal(fmt::format("the stored manifest of \"{}\" is damaged", row.manifest.name));
  }
  if (!is_first_) out += ',';
  is_first_ = false;
  catalog::AppendManifestStart(out, row.manifest);
  // The fields of the content, without its braces.
  current_ = Current{std::move(row.manifest), std::move(content), 1};
  return {};
}

Result<> Listing::AppendContent(std::string& out, size_t bytes) {
  const size_t end = current_->content.size() - 1;
  const size_t part = std::min(bytes, end - current_->offset);
  TARN_CHECK_OK(current_->content.Append(current_->offset, part, out));
  current_->offset += part;
  if (current_->offset < end) return {};
  catalog::AppendManifestEnd(out, current_->manifest);
  current_.reset();
  return {};
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
