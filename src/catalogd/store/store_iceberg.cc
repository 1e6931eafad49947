// How a Store keeps the state of Iceberg tables, and the objects that were written for them.

#include <fmt/format.h>

#include <set>

#include "catalogd/store/store.h"

namespace tarn::catalogd {

namespace {

Result<> RequireDataset(SqliteDatabase& database, const catalog::Manifest& dataset) {
  TARN_TRY(SqliteStatement query,
           database.Prepare("SELECT 1 FROM datasets WHERE name = ? AND dataset_id = ?"));
  TARN_TRY(const bool exists, query.Bind(1, dataset.name).Bind(2, dataset.dataset_id).Step());
  if (exists) return {};
  return NoSuchDatasetError(dataset.name);
}

// Marks the objects of a dataset as old, apart from those written together with one of the live
// ones.
Result<> Retire(SqliteDatabase& database, const std::string& dataset_id,
                const std::set<std::string>& live, UnixMicros now) {
  TARN_TRY(SqliteStatement rows,
           database.Prepare("SELECT uri, generation FROM iceberg_objects WHERE dataset_id = ? AND "
                            "retired_at IS NULL"));
  rows.Bind(1, dataset_id);
  std::set<std::string> old;
  std::set<std::string> kept;
  for (;;) {
    TARN_TRY(const bool row, rows.Step());
    if (!row) break;
    (live.contains(rows.Text(0)) ? kept : old).insert(rows.Text(1));
  }
  for (const std::string& generation : old) {
    if (kept.contains(generation)) continue;
    TARN_TRY(SqliteStatement retire,
             database.Prepare("UPDATE iceberg_objects SET retired_at = ? WHERE dataset_id = ? AND "
                              "generation = ?"));
    TARN_CHECK_OK(retire.Bind(1, ToInteger(now)).Bind(2, dataset_id).Bind(3, generation).Step());
  }
  return {};
}

}  // namespace

Result<std::optional<IcebergState>> Store::FindIcebergState(const std::string& dataset_id) {
  return Read([&](SqliteDatabase& database) -> Result<std::optional<IcebergState>> {
    TARN_TRY(SqliteStatement query,
             database.Prepare("SELECT field_ids, metadata, metadata_location FROM iceberg_tables "
                              "WHERE dataset_id = ?"));
    TARN_TRY(const bool row, query.Bind(1, dataset_id).Step());
    if (!row) return std::optional<IcebergState>();
    return std::optional(IcebergState{
        .field_ids = query.Text(0), .metadata = query.Text(1), .metadata_location = query.Text(2)});
  });
}

Result<> Store::CheckIcebergBytes(const catalog::Manifest& dataset, uint64_t bytes) {
  TARN_TRY(SqliteStatement query,
           database_.Prepare("SELECT coalesce(sum(bytes), 0), coalesce(sum(iif(token = ?, bytes, "
                             "0)), 0) FROM iceberg_tables WHERE dataset_id <> ?"));
  TARN_TRY(const bool row, query.Bind(1, dataset.changed_by).Bind(2, dataset.dataset_id).Step());
  const auto bytes_max = static_cast<uint64_t>(options_.iceberg_bytes_max);
  const bool fits_all = row && ToCount(query.Integer(0)) + bytes <= bytes_max;
  const bool fits_token =
      dataset.changed_by.empty() || ToCount(query.Integer(1)) + bytes <= bytes_max / 2;
  if (fits_all && fits_token) return {};
  return Error{ErrorKind::kTooLarge,
               fmt::format("the states of {} take more than {} bytes (iceberg.tables_bytes_max)",
                           fits_all ? "the tables of one token" : "all tables",
                           fits_all ? bytes_max / 2 : bytes_max)};
}

Result<> Store::BeginIcebergObjects(const catalog::Manifest& dataset, const IcebergState& state,
                                    const std::vector<std::string>& uris) {
  const MutexLock lock(mutex_);
  TARN_TRY(Transaction transaction, Transaction::Begin(database_));
  TARN_CHECK_OK(RequireDataset(database_, dataset));
  const size_t bytes = state.field_ids.size() + state.metadata.size();
  TARN_CHECK_OK(CheckIcebergBytes(dataset, bytes));
  TARN_TRY(SqliteStatement save,
           database_.Prepare("INSERT INTO iceberg_tables VALUES (?, ?, ?, ?, '', '') ON CONFLICT "
                             "(dataset_id) DO UPDATE SET token = excluded.token, "
                             "bytes = max(bytes, excluded.bytes), field_ids = excluded.field_ids"));
  TARN_CHECK_OK(save.Bind(1, dataset.dataset_id)
                    .Bind(2, dataset.changed_by)
                    .Bind(3, static_cast<int64_t>(bytes))
                    .Bind(4, state.field_ids)
                    .Step());
  for (const std::string& uri : uris) {
    TARN_TRY(SqliteStatement insert,
             database_.Prepare("INSERT INTO iceberg_objects VALUES (?, ?, ?, NULL) ON CONFLICT "
                               "(uri) DO UPDATE SET generation = excluded.generation, "
                               "retired_at = NULL"));
    TARN_CHECK_OK(insert.Bind(1, uri).Bind(2, dataset.dataset_id).Bind(3, uris.back()).Step());
  }
  return transaction.Commit();
}

Result<> Store::SaveIcebergState(const catalog::Manifest& dataset, const IcebergState& state,
                                 const std::set<std::string>& live) {
  const MutexLock lock(mutex_);
  TARN_TRY(Transaction transaction, Transaction::Begin(database_));
  TARN_CHECK_OK(RequireDataset(database_, dataset));
  TARN_TRY(SqliteStatement save,
           database_.Prepare("INSERT OR REPLACE INTO iceberg_tables VALUES (?, ?, ?, ?, ?, ?)"));
  TARN_CHECK_OK(save.Bind(1, dataset.dataset_id)
                    .Bind(2, dataset.changed_by)
                    .Bind(3, static_cast<int64_t>(state.field_ids.size() + state.metadata.size()))
                    .Bind(4, state.field_ids)
                    .Bind(5, state.metadata)
                    .Bind(6, state.metadata_location)
                    .Step());
  TARN_CHECK_OK(Retire(database_, dataset.dataset_id, live, NowMicros()));
  return transaction.Commit();
}

Result<> Store::DeleteIcebergState(const std::string& dataset_id, UnixMicros now) {
  TARN_TRY(SqliteStatement remove,
           database_.Prepare("DELETE FROM iceberg_tables WHERE dataset_id = ?"));
  TARN_CHECK_OK(remove.Bind(1, dataset_id).Step());
  return Retire(database_, dataset_id, {}, now);
}

Result<std::vector<std::string>> Store::OldIcebergObjects(UnixMicros before, size_t count) {
  return Read([&](SqliteDatabase& database) -> Result<std::vector<std::string>> {
    TARN_TRY(SqliteStatement rows,
             database.Prepare("SELECT uri FROM iceberg_objects WHERE retired_at < ? ORDER BY "
                              "retired_at LIMIT ?"));
    rows.Bind(1, ToInteger(before)).Bind(2, static_cast<int64_t>(count));
    std::vector<std::string> uris;
    for (;;) {
      TARN_TRY(const bool row, rows.Step());
      if (!row) return uris;
      uris.push_back(rows.Text(0));
    }
  });
}

Result<bool> Store::IsOldIcebergObject(const std::string& uri, UnixMicros before) {
  return Read([&](SqliteDatabase& database) -> Result<bool> {
    TARN_TRY(SqliteStatement query,
             database.Prepare("SELECT 1 FROM iceberg_objects WHERE uri = ? AND retired_at < ?"));
    return query.Bind(1, uri).Bind(2, ToInteger(before)).Step();
  });
}

Result<> Store::ForgetIcebergObjects(const std::vector<std::string>& uris) {
  const MutexLock lock(mutex_);
  TARN_TRY(Transaction transaction, Transaction::Begin(database_));
  for (const std::string& uri : uris) {
    TARN_TRY(SqliteStatement remove,
             database_.Prepare("DELETE FROM iceberg_objects WHERE uri = ? AND retired_at IS NOT "
                               "NULL"));
    TARN_CHECK_OK(remove.Bind(1, uri).Step());
  }
  return transaction.Commit();
}

Result<size_t> Store::TrimIcebergObjects(size_t count_max) {
  const MutexLock lock(mutex_);
  TARN_TRY(Transaction transaction, Transaction::Begin(database_));
  TARN_TRY(SqliteStatement trim,
           database_.Prepare("DELETE FROM iceberg_objects WHERE uri IN (SELECT uri FROM "
                             "iceberg_objects WHERE retired_at IS NOT NULL ORDER BY retired_at "
                             "DESC LIMIT -1 OFFSET ?)"));
  TARN_CHECK_OK(trim.Bind(1, static_cast<int64_t>(count_max)).Step());
  TARN_TRY(SqliteStatement changes, database_.Prepare("SELECT changes()"));
  TARN_TRY(const bool row, changes.Step());
  const size_t count = row ? static_cast<size_t>(changes.Integer(0)) : 0;
  TARN_CHECK_OK(transaction.Commit());
  return count;
}

Result<std::vector<std::string>> Store::Names(const auth::DatasetScope& scope,
                                              const std::string& after, size_t count) {
  return Read([&](SqliteDatabase& database) -> Result<std::vector<std::string>> {
    TARN_TRY(SqliteStatement rows,
             database.Prepare("SELECT name FROM datasets WHERE name > ? ORDER BY name"));
    rows.Bind(1, after);
    std::vector<std::string> names;
    while (names.size() < count) {
      TARN_TRY(const bool row, rows.Step());
      if (!row) break;
      if (scope.Allows(rows.View(0))) names.push_back(rows.Text(0));
    }
    return names;
  });
}

}  // namespace tarn::catalogd
