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

// The read of a long footer was refused by the caller.
Error NotNowError() { return Unavailable("its footer is not read now"); }

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

// Counts the memory of an object against the memory limit of probes.
FooterProbe::Object Counted(FooterProbe::Object object, ProbeMemory& memory) {
  if (!object.guarded.empty()) {
    object.memory = memory.Hold(object.guarded.capacity() * sizeof(object.guarded[0]));
  }
  return object;
}

FooterProbe::Object ToObject(SchemaCache::Schema schema, const duck::FooterMetadata& footer) {
  FooterProbe::Object object{.schema = std::move(schema)};
  const ObjectSchema& known = *object.schema;
  object.may_hide_nan = known.has_floats && !footer.is_by_duckdb;
  object.has_empty_names = footer.has_empty_names;
  // The column of a leaf is unknown if DuckDB reads a group of the schema as one value.
  const bool is_mapped = known.leaf_columns.size() == footer.bloom_leaves.size();
  for (size_t leaf = 0; leaf < footer.bloom_leaves.size(); ++leaf) {
    if (!footer.bloom_leaves[leaf]) continue;
    for (size_t column = 0; column < known.columns.size(); ++column) {
      if (is_mapped && known.leaf_columns[leaf] != column) continue;
      if (!HasFaultyBloomFilter(known.columns[column].type)) continue;
      object.guarded.push_back(static_cast<uint32_t>(column));
    }
  }
  return object;
}

}  // namespace

FooterProbe::Object ToUnknownObject(SchemaCache::Schema schema, ProbeMemory& memory) {
  FooterProbe::Object object{.schema = std::move(schema)};
  object.may_hide_nan = object.schema->has_floats;
  const std::vector<catalog::Column>& columns = object.schema->columns;
  for (size_t column = 0; column < columns.size(); ++column) {
    if (!HasFaultyBloomFilter(columns[column].type)) continue;
    object.guarded.push_back(static_cast<uint32_t>(column));
  }
  return Counted(std::move(object), memory);
}

SchemaCache::Schema ToObjectSchema(const std::vector<duck::Statement::Column>& columns,
                                   ProbeMemory& memory) {
  auto schema = std::make_shared<ObjectSchema>();
  uint64_t bytes = 0;
  for (const auto& [name, type] : columns) {
    if (type.children.empty()) {
      schema->leaf_columns.push_back(schema->columns.size());
    } else {
      schema->leaf_columns.resize(schema->leaf_columns.size() + LeafCount(type),
                                  ObjectSchema::kNested);
    }
    schema->has_floats = schema->has_floats || HasFloats(type);
    schema->columns.push_back({.name = name, .type = duck::TypeName(type)});
    const catalog::Column& column = schema->columns.back();
    bytes += sizeof(column) + column.name.capacity() + column.type.capacity();
  }
  bytes += schema->leaf_columns.capacity() * sizeof(size_t);
  schema->memory = memory.Hold(bytes);
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
                                      std::shared_ptr<SchemaCache> schemas,
                                      std::shared_ptr<ProbeMemory> memory) {
  TARN_TRY(duck::Connection connection, planner.Connect());
  TARN_TRY(duck::FooterFile footer, duck::FooterFile::Make({.bytes_max = setup.footer_bytes_max,
                                                            .depth_max = setup.schema_depth_max,
                                                            .columns_max = catalog::kColumnsMax}));
  return FooterProbe(setup, std::move(connection), std::move(footer), std::move(schemas),
                     std::move(memory));
}

FooterProbe::FooterProbe(const protocol::Setup& setup, duck::Connection connection,
                         duck::FooterFile footer, std::shared_ptr<SchemaCache> schemas,
                         std::shared_ptr<ProbeMemory> memory)
    : store_(setup.store),
      client_({.store = setup.store,
               .credentials = setup.credentials,
               .tls_verify = setup.tls_verify,
               .tls_ca_path = setup.tls_ca_path}),
      connection_(std::move(connection)),
      footer_(std::move(footer)),
      schemas_(std::move(schemas)),
      memory_(std::move(memory)) {}

Result<std::string> FooterProbe::FetchFromBucket(const std::string& key, const WatchedTask& task,
                                                 const Hooks& hooks) {
  const auto is_cancelled = [&task] { return task.CancelReason().has_value(); };
  TARN_TRY(s3::ObjectPart end, client_.ReadEnd(key, kGuessBytes, task.deadline(), is_cancelled));
  TARN_TRY(const size_t needed, Put(end.bytes));
  if (needed == 0) return std::move(end.etag);
  if (needed > end.object_bytes) {
    refused_ = true;
    return duck::FooterTooLongError();
  }
  if (hooks.may_read_long && !hooks.may_read_long(needed)) return NotNowError();
  TARN_TRY(const s3::ObjectPart footer, client_.Read(key, end.object_bytes - needed, needed,
                                                     end.etag, task.deadline(), is_cancelled));
  TARN_TRY(const size_t more, Put(footer.bytes));
  if (more > 0) return Unavailable("it was overwritten while its footer was read");
  return std::move(end.etag);
}

Result<> FooterProbe::CheckEtag(const std::string& key, const std::string& etag,
                                const WatchedTask& task) {
  const auto is_cancelled = [&task] { return task.CancelReason().has_value(); };
  TARN_TRY(const s3::ObjectPart end, client_.ReadEnd(key, 1, task.deadline(), is_cancelled));
  if (s3::IsSameEtag(end.etag, etag)) return {};
  return Error{ErrorKind::kPrecondition, "it was overwritten"};
}

Result<std::string> FooterProbe::Fetch(const std::string& key, const WatchedTask& task,
                                       const Hooks& hooks) {
  // Refuses keys outside of the store.
  TARN_CHECK_OK(store_.Url(key));
  if (!store_.is_folder) return FetchFromBucket(key, task, hooks);
  const Result<> loaded = footer_.Load(store_.root + key, [&](size_t bytes) -> Result<> {
    if (hooks.may_read_long && !hooks.may_read_long(bytes)) return NotNowError();
    return {};
  });
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
                                              const Hooks& hooks) {
  refused_ = false;
  bool is_long = false;
  const Hooks noting = {.may_read_long =
                            [&](uint64_t bytes) {
                              is_long = true;
                              return !hooks.may_read_long || hooks.may_read_long(bytes);
                            },
                        .on_decoding = hooks.on_decoding};
  Result<std::string> etag = Fetch(key, task, noting);
  Result<Object> object = etag.ok() ? Decode(task, noting) : etag.error();
  if (object.ok()) object->etag = std::move(*etag);
  // Other threads may need the memory before the next Read.
  if (is_long) footer_.Clear();
  return object;
}

Result<FooterProbe::Object> FooterProbe::Decode(WatchedTask& task, const Hooks& hooks) {
  const duck::FooterMetadata& footer = footer_.metadata();
  if (SchemaCache::Schema known = schemas_->Find(footer)) {
    return Counted(ToObject(std::move(known), footer), *memory_);
  }
  if (hooks.on_decoding) hooks.on_decoding();
  if (!task.Begin(connection_)) return Error{ErrorKind::kCancelled, "cancelled"};
  const auto planned = duck::ReadParquetColumns(connection_, footer_);
  task.End();
  if (!planned.ok()) return planned.error();
  SchemaCache::Schema schema = ToObjectSchema(*planned, *memory_);
  schemas_->Put(footer, schema);
  return Counted(ToObject(std::move(schema), footer), *memory_);
}

}  // namespace tarn::engine
