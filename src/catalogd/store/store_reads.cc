#include <fmt/format.h>

#include <algorithm>

#include "base/mutex.h"
#include "catalog/manifest_json.h"
#include "catalogd/store/contents.h"
#include "catalogd/store/listing.h"
#include "catalogd/store/store.h"
#include "config/lakehouse.h"

namespace tarn::catalogd {

namespace {

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

std::string TagOf(const catalog::Manifest& manifest) {
  return fmt::format("{}.{}", manifest.dataset_id, manifest.version);
}

std::string Record::Json() const {
  std::string json;
  json.reserve(ListedBytes(manifest.name, manifest.changed_by, content.size()));
  catalog::AppendManifest(json, manifest, content);
  return json;
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
    const MutexLock lock(scope_states_mutex_);
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
  // The last change may be a deletion that is no longer stored (`forgotten`).
  state.visible = std::max(state.visible, catalogue.forgotten);
  constexpr size_t kScopesMax = 1000;
  const MutexLock lock(scope_states_mutex_);
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
                                       "SELECT {} FROM datasets ORDER BY name", kDatasetColumns)));
    for (;;) {
      TARN_TRY(const bool row, rows.Step());
      if (!row) return snapshot;
      DatasetRow dataset = ToDatasetRow(rows);
      TARN_TRY(const std::string content, ReadContent(database, dataset.content_id));
      TARN_TRY(dataset.manifest.content, ParseContent(dataset.manifest.name, content));
      snapshot.manifests.push_back(std::move(dataset.manifest));
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
  auto listing = std::make_unique<Listing>(query);
  TARN_CHECK_OK(listing->Begin(database));
  if (!has_changes) return listing;
  // With many deletions, the changes can be larger than the complete list.
  const uint64_t bytes_max = catalogue.bytes + kDeletionsBytesMax;
  TARN_TRY(const uint64_t bytes, listing->EstimateBytes(bytes_max));
  if (bytes <= bytes_max) return listing;
  query.since.reset();
  listing = std::make_unique<Listing>(std::move(query));
  TARN_CHECK_OK(listing->Begin(database));
  return listing;
}

Result<std::unique_ptr<Listing>> Store::OpenListing(const auth::DatasetScope& scope,
                                                    const std::optional<catalog::Position>& since) {
  if (readers_) {
    TARN_TRY(ReaderPool::Reader reader, readers_->Borrow());
    TARN_TRY(std::unique_ptr<Listing> listing, MakeListing(reader.database(), scope, since));
    listing->Hold(std::move(reader), listings_);
    return listing;
  }
  const MutexLock lock(mutex_);
  TARN_TRY(std::unique_ptr<Listing> listing, MakeListing(database_, scope, since));
  TARN_CHECK_OK(listing->ReadAll());
  return listing;
}

Result<catalog::Manifest> Store::Find(const std::string& name) {
  return Read([&name](SqliteDatabase& database) -> Result<catalog::Manifest> {
    TARN_TRY(std::optional<DatasetRow> row, FindDataset(database, name));
    if (!row) return NoSuchDatasetError(name);
    return std::move(row->manifest);
  });
}

Result<Record> Store::Get(const std::string& name, const Reserve& reserve) {
  return Read([&](SqliteDatabase& database) -> Result<Record> {
    TARN_TRY(std::optional<DatasetRow> row, FindDataset(database, name));
    if (!row) return NoSuchDatasetError(name);
    TARN_CHECK_OK(reserve(row->bytes));
    TARN_TRY(std::string content, ReadContent(database, row->content_id));
    return Record{std::move(row->manifest), std::move(content)};
  });
}

namespace {

// A page of the history, without contents.
struct HistoryRows {
  struct Row {
    HistoryEntry entry;
    std::optional<int64_t> content_id;
  };
  std::vector<Row> rows;
  bool has_more = false;
  uint64_t bytes = 0;
};

Result<HistoryRows> ReadHistoryRows(SqliteDatabase& database, const std::string& name,
                                    uint64_t before, size_t count) {
  constexpr uint64_t kPageBytesMax = 8 * 1024 * 1024;
  TARN_TRY(SqliteStatement rows,
           database.Prepare(
               "SELECT revision, dataset_id, version, updated_at, content_id, bytes FROM datasets "
               "WHERE name = ?1 AND revision < ?2 UNION ALL "
               "SELECT revision, dataset_id, version, deleted_at, NULL, 0 FROM deletions "
               "WHERE name = ?1 AND revision < ?2 UNION ALL "
               "SELECT revision, dataset_id, version, updated_at, content_id, bytes FROM history "
               "WHERE name = ?1 AND revision < ?2 ORDER BY revision DESC"));
  rows.Bind(1, name).Bind(2, static_cast<int64_t>(std::min<uint64_t>(before, INT64_MAX)));
  HistoryRows page;
  for (;;) {
    TARN_TRY(const bool row, rows.Step());
    if (!row) return page;
    page.has_more = page.rows.size() >= count || page.bytes >= kPageBytesMax;
    if (page.has_more) return page;
    page.rows.push_back({.entry = {.revision = ToCount(rows.Integer(0)),
                                   .dataset_id = rows.Text(1),
                                   .version = ToCount(rows.Integer(2)),
                                   .updated_at = ToTime(rows.Integer(3))}});
    if (!rows.IsNull(4)) page.rows.back().content_id = rows.Integer(4);
    page.bytes += ToCount(rows.Integer(5));
  }
}

}  // namespace

Result<Store::HistoryPage> Store::History(const std::string& name, uint64_t before, size_t count,
                                          const Reserve& reserve) {
  return Read([&](SqliteDatabase& database) -> Result<HistoryPage> {
    TARN_TRY(SqliteStatement known,
             database.Prepare("SELECT EXISTS (SELECT * FROM datasets WHERE name = ?1) OR "
                              "EXISTS (SELECT * FROM deletions WHERE name = ?1)"));
    TARN_TRY(const bool answer, known.Bind(1, name).Step());
    if (!answer || known.Integer(0) == 0) return NoSuchDatasetError(name);
    TARN_TRY(HistoryRows found, ReadHistoryRows(database, name, before, count));
    TARN_CHECK_OK(reserve(found.bytes));
    HistoryPage page{.has_more = found.has_more};
    for (HistoryRows::Row& row : found.rows) {
      if (row.content_id) {
        TARN_TRY(row.entry.content, ReadContent(database, *row.content_id));
      }
      page.entries.push_back(std::move(row.entry));
    }
    return page;
  });
}

Result<Store::Counts> Store::Count() {
  return Read([](SqliteDatabase& database) -> Result<Counts> {
    TARN_TRY(const Catalogue catalogue, ReadCatalogue(database));
    return Counts{catalogue.revision, catalogue.datasets, catalogue.bytes};
  });
}

}  // namespace tarn::catalogd
