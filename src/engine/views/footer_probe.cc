#include "engine/views/footer_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "duck/parquet_columns.h"
#include "s3/etag.h"

namespace tarn::engine {
namespace {

// The bytes of the first request. Most footers are smaller, and surplus bytes cost less than a
// second request.
constexpr uint64_t kGuessBytes = 32 * 1024;

// Returns true if the check of the footer failed, so that DuckDB must not read the object. After
// other errors no footer was read.
bool IsRefusal(const Error& error) {
  return error.kind == ErrorKind::kTooLarge || error.kind == ErrorKind::kInvalidArgument;
}

size_t LeafCount(const duck::ColumnType& type) {
  size_t count = type.children.empty() ? 1 : 0;
  for (const duck::ColumnType& child : type.children) count += LeafCount(child);
  return count;
}

bool HasFloats(const duck::ColumnType& type) {
  return type.id == duck::TypeId::kFloat || type.id == duck::TypeId::kDouble ||
         std::any_of(type.children.begin(), type.children.end(), HasFloats);
}

// Returns true for types whose equal values can have different hashes in a bloom filter. See
// docs/engine-faults.md.
bool HasFaultyBloomFilter(const std::string& type) {
  return type == "BLOB" || type == "FLOAT" || type == "DOUBLE";
}

FooterProbe::Object ToObject(SchemaCache::Schema schema, const duck::FooterMetadata& footer,
                             std::string etag) {
  FooterProbe::Object object{.schema = std::move(schema), .etag = std::move(etag)};
  const ObjectSchema& known = *object.schema;
  object.may_hide_nan = known.has_floats && !footer.is_by_duckdb;
  object.has_empty_names = footer.has_empty_names;
  // DuckDB reads some groups as one value. Then the column of a leaf is unknown.
  const bool is_mapped = known.leaf_columns.size() == footer.bloom_leaves.size();
  for (size_t leaf = 0; leaf < footer.bloom_leaves.size(); ++leaf) {
    if (!footer.bloom_leaves[leaf]) continue;
    for (size_t column = 0; column < known.columns.size(); ++column) {
      if (is_mapped && known.leaf_columns[leaf] != column) continue;
      if (!HasFaultyBloomFilter(known.columns[column].type)) continue;
      object.guarded.push_back(known.columns[column].name);
    }
  }
  return object;
}

}  // namespace

FooterProbe::Object ToUnknownObject(SchemaCache::Schema schema) {
  FooterProbe::Object object{.schema = std::move(schema)};
  object.may_hide_nan = object.schema->has_floats;
  for (const catalog::Column& column : object.schema->columns) {
    if (HasFaultyBloomFilter(column.type)) object.guarded.push_back(column.name);
  }
  return object;
}

SchemaCache::Schema ToObjectSchema(const std::vector<duck::Statement::Column>& columns) {
  auto schema = std::make_shared<ObjectSchema>();
  for (const auto& [name, type] : columns) {
    if (type.children.empty()) {
      schema->leaf_columns.push_back(schema->columns.size());
    } else {
      schema->leaf_columns.resize(schema->leaf_columns.size() + LeafCount(type),
                                  ObjectSchema::kNested);
    }
    schema->has_floats = schema->has_floats || HasFloats(type);
    schema->columns.push_back({.name = name, .type = duck::TypeName(type)});
  }
  return schema;
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
  TARN_TRY(duck::FooterFile footer, duck::FooterFile::Make({.bytes_max = setup.footer_bytes_max,
                                                            .depth_max = setup.schema_depth_max,
                                                            .columns_max = catalog::kColumnsMax}));
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
  TARN_TRY(const size_t needed, Put(end.bytes));
  if (needed == 0) return std::move(end.etag);
  if (needed > end.object_bytes) {
    refused_ = true;
    return duck::FooterTooLongError();
  }
  TARN_TRY(const s3::ObjectPart footer, client_.Read(key, end.object_bytes - needed, needed,
                                                     end.etag, task.deadline(), is_cancelled));
  TARN_TRY(const size_t more, Put(footer.bytes));
  if (more > 0) return Unavailable("it has become another object");
  return std::move(end.etag);
}

Result<> FooterProbe::CheckEtag(const std::string& key, const std::string& etag,
                                const WatchedTask& task) {
  const auto is_cancelled = [&task] { return task.CancelReason().has_value(); };
  TARN_TRY(const s3::ObjectPart end, client_.ReadEnd(key, 1, task.deadline(), is_cancelled));
  if (s3::IsSameEtag(end.etag, etag)) return {};
  return Error{ErrorKind::kPrecondition, "it was overwritten"};
}

Result<std::string> FooterProbe::Fetch(const std::string& key, const WatchedTask& task) {
  // Refuses keys outside of the store.
  TARN_CHECK_OK(store_.Url(key));
  if (!store_.is_folder) return FetchFromBucket(key, task);
  const Result<> loaded = footer_.Load(store_.root + key);
  refused_ = !loaded.ok() && IsRefusal(loaded.error());
  if (!loaded.ok()) return loaded.error();
  return std::string();
}

Result<size_t> FooterProbe::Put(std::string_view object_end) {
  Result<size_t> needed = footer_.Put(object_end);
  refused_ = !needed.ok() && IsRefusal(needed.error());
  return needed;
}

Result<FooterProbe::Object> FooterProbe::Read(const std::string& key, WatchedTask& task,
                                              const std::function<void()>& on_decoding) {
  refused_ = false;
  TARN_TRY(std::string etag, Fetch(key, task));
  if (SchemaCache::Schema known = schemas_->Find(footer_.metadata())) {
    return ToObject(std::move(known), footer_.metadata(), std::move(etag));
  }
  if (on_decoding) on_decoding();
  if (!task.Begin(connection_)) return Error{ErrorKind::kCancelled, "cancelled"};
  const auto planned = duck::ReadParquetColumns(connection_, footer_);
  task.End();
  if (!planned.ok()) return planned.error();
  SchemaCache::Schema schema = ToObjectSchema(*planned);
  schemas_->Put(footer_.metadata(), schema);
  return ToObject(std::move(schema), footer_.metadata(), std::move(etag));
}

}  // namespace tarn::engine
