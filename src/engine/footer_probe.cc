#include "engine/footer_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "duck/parquet_columns.h"

namespace tarn::engine {
namespace {

// Most footers are smaller, and reading too much costs less than another request.
constexpr uint64_t kGuessBytes = 32 * 1024;

// DuckDB reads longer ones, which it does piece by piece.
constexpr uint64_t kFooterBytesMax = 16 * 1024 * 1024;

}  // namespace

catalog::SchemaUnion::Columns ToColumns(const std::vector<duck::Statement::Column>& columns) {
  catalog::SchemaUnion::Columns out;
  for (const auto& [name, type] : columns) {
    out.push_back({.name = name, .type = duck::TypeName(type)});
  }
  return out;
}

Result<duck::Database> FooterProbe::OpenPlanner() {
  return duck::Database::Open({{"autoinstall_known_extensions", "false"},
                               {"autoload_known_extensions", "false"},
                               {"enable_external_file_cache", "false"},
                               {"temp_directory", ""},
                               {"threads", "1"}});
}

Result<FooterProbe> FooterProbe::Make(const protocol::Setup& setup, const duck::Database& planner,
                                      std::shared_ptr<SchemaCache> schemas) {
  TARN_TRY(duck::Connection connection, planner.Connect());
  TARN_TRY(duck::FooterFile footer, duck::FooterFile::Make());
  return FooterProbe(setup, std::move(connection), std::move(footer), std::move(schemas));
}

FooterProbe::FooterProbe(const protocol::Setup& setup, duck::Connection connection,
                         duck::FooterFile footer, std::shared_ptr<SchemaCache> schemas)
    : store_(setup.store),
      client_({.store = setup.store,
               .credentials = setup.credentials,
               .tls_verify = setup.tls_verify,
               .tls_ca_path = setup.tls_ca_path}),
      connection_(std::move(connection)),
      footer_(std::move(footer)),
      schemas_(std::move(schemas)) {}

Result<std::string> FooterProbe::FetchFromBucket(const std::string& key, const WatchedTask& task) {
  const auto is_cancelled = [&task] { return task.CancelReason().has_value(); };
  TARN_TRY(s3::ObjectPart end, client_.ReadEnd(key, kGuessBytes, task.deadline(), is_cancelled));
  TARN_TRY(const size_t needed, footer_.Put(end.bytes));
  if (needed == 0) return std::move(end.etag);
  if (needed > std::min(end.object_bytes, kFooterBytesMax)) {
    return InvalidArgument("its footer is too long");
  }
  TARN_TRY(const s3::ObjectPart footer, client_.Read(key, end.object_bytes - needed, needed,
                                                     end.etag, task.deadline(), is_cancelled));
  TARN_TRY(const size_t more, footer_.Put(footer.bytes));
  if (more > 0) return InvalidArgument("it has become another object");
  return std::move(end.etag);
}

Result<std::string> FooterProbe::Fetch(const std::string& key, const WatchedTask& task) {
  // Refuses keys that lead out of the store.
  TARN_CHECK_OK(store_.Url(key));
  if (!store_.is_folder) return FetchFromBucket(key, task);
  TARN_CHECK_OK(footer_.Load(store_.root + key));
  return std::string();
}

Result<FooterProbe::Object> FooterProbe::Read(const std::string& key, WatchedTask& task) {
  TARN_TRY(std::string etag, Fetch(key, task));
  // DuckDB plans a query on 10,000 columns for 0.8 s, and on 40,000 for 7 s.
  const size_t columns_found = footer_.metadata().untyped_leaves.size();
  if (columns_found > catalog::kColumnsMax) {
    return Error{ErrorKind::kTooLarge,
                 fmt::format("it has {} columns, and at most {} are supported", columns_found,
                             catalog::kColumnsMax)};
  }
  if (SchemaCache::Columns known = schemas_->Find(footer_.metadata())) {
    return Object{std::move(known), std::move(etag)};
  }
  if (!task.Begin(connection_)) return Error{ErrorKind::kCancelled, "cancelled"};
  const auto planned = duck::ReadParquetColumns(connection_, footer_);
  task.End();
  if (!planned.ok()) return planned.error();
  const auto columns = std::make_shared<const catalog::SchemaUnion::Columns>(ToColumns(*planned));
  schemas_->Put(footer_.metadata(), columns);
  return Object{columns, std::move(etag)};
}

}  // namespace tarn::engine
