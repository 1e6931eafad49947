#include "iceberg/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/sha256.h"
#include "base/text.h"
#include "base/uuid.h"
#include "catalog/partitions.h"
#include "iceberg/bounds.h"
#include "iceberg/manifest.h"
#include "iceberg/partition_spec.h"
#include "iceberg/table_metadata.h"

namespace tarn::iceberg {
namespace {

using nlohmann::ordered_json;

// The namespace of Tarn's catalogues, a random UUID.
constexpr Uuid kCatalogNamespace = {0x5e, 0x1b, 0x0f, 0x5c, 0x0d, 0x3a, 0x4c, 0x66,
                                    0x9f, 0x1d, 0x2b, 0x7e, 0x84, 0x61, 0xc3, 0xa9};

constexpr const char* kNameMapping = "schema.name-mapping.default";
constexpr const char* kVectorized = "read.parquet.vectorization.enabled";

// 64 bits of a hash, as hexadecimal digits.
constexpr size_t kShortHash = 16;

Result<> CheckFile(const TableFile& file) {
  constexpr std::string_view kRefused = "#?";
  if (!IsValidUtf8(file.key)) return InvalidArgument("a key is not UTF-8: rename the object");
  if (const size_t at = file.key.find_first_of(kRefused); at != std::string::npos) {
    return InvalidArgument(
        fmt::format("key \"{}\" contains \"{}\", which Iceberg clients cannot read: rename the "
                    "object",
                    file.key, file.key[at]));
  }
  const bool has_ids =
      std::any_of(file.footer->schema.begin(), file.footer->schema.end(),
                  [](const parquet::SchemaElement& element) { return element.has_field_id; });
  if (has_ids) {
    return InvalidArgument(
        fmt::format("object \"{}\" has Parquet field ids, which Iceberg clients use instead of "
                    "names: write it without them",
                    file.key));
  }
  return {};
}

// Parses a number of 63 bits from the beginning of a hash; not 0.
int64_t SnapshotId(const std::string& hash) {
  uint64_t number = 0;
  std::from_chars(hash.data(), hash.data() + kShortHash, number, 16);
  return std::max<int64_t>(static_cast<int64_t>(number >> 1U), 1);
}

// Collects the parts of a table, in the order of the methods.
class TableBuilder {
 public:
  explicit TableBuilder(const TableInput& input) : input_(input), ids_(input.field_ids) {}

  Result<Table> Build() {
    TARN_CHECK_OK(ReadPrevious());
    TARN_CHECK_OK(AddColumns());
    AddPartitions();
    TARN_CHECK_OK(schema_.AssignIds(ids_));
    for (PartitionField& field : spec_.fields) {
      field.source_id = schema_.fields()[static_cast<size_t>(field.source_id)].id;
    }
    ordered_json fields = schema_.FieldsJson();
    if (fields.empty()) return NoColumnError();
    keeps_snapshots_ = AssignSpecIds(spec_, fields, previous_);
    schema_json_ = MakeSchema(std::move(fields), previous_);
    SetProperties();
    TARN_CHECK_OK(EncodeFiles());
    HashContent();
    if (previous_ && previous_->content_hash == content_hash_) return Unchanged();
    return MakeSnapshot();
  }

 private:
  Result<> ReadPrevious() {
    if (!input_.previous) return {};
    TARN_TRY(previous_,
             ReadPreviousMetadata(input_.previous->metadata, input_.previous->metadata_location));
    if (previous_->last_column_id <= ids_.last_id()) return {};
    return InvalidArgument("the field ids are older than the previous table metadata");
  }

  Error NoColumnError() const {
    const std::vector<HiddenColumn> hidden = schema_.HiddenColumns();
    if (hidden.empty()) return InvalidArgument("the dataset has no objects");
    return InvalidArgument(fmt::format("no column can be read by Iceberg clients: \"{}\": {}",
                                       hidden.front().name, hidden.front().reason));
  }

  Result<> AddColumns() {
    const parquet::FooterStatistics* last = nullptr;
    for (const TableFile& file : input_.files) {
      TARN_CHECK_OK(CheckFile(file));
      has_v2_encodings_ = has_v2_encodings_ || file.footer->has_v2_encodings;
      // Most files have the columns of their predecessor.
      const bool is_equal = last != nullptr && last->schema == file.footer->schema;
      last = file.footer.get();
      if (!is_equal) TARN_CHECK_OK(schema_.Add(file.key, ReadFileColumns(last->schema)));
    }
    return {};
  }

  // Sets the source ids of the partitions to their indexes in the schema.
  void AddPartitions() {
    if (input_.files.empty()) return;
    std::vector<std::string> keys;
    keys.reserve(input_.files.size());
    for (const TableFile& file : input_.files) keys.push_back(file.key);
    const catalog::Partitions found = catalog::FindPartitions(input_.dataset, keys);
    prefix_bytes_ = found.prefix.size();
    if (!found.problem.empty()) properties_["tarn.partitions"] = found.problem;
    for (const catalog::Partition& partition : found.columns) {
      const PrimitiveType type = PartitionType(partition);
      // A partition never replaces a column.
      const std::optional<size_t> source = schema_.AddPartition(partition.name, type);
      if (!source) {
        properties_["tarn.hidden-partition." + partition.name] = "a column has the same name";
        continue;
      }
      spec_.fields.push_back({.name = partition.name,
                              .key_name = partition.key_name,
                              .source_id = static_cast<int32_t>(*source),
                              .type = type});
    }
  }

  void SetProperties() {
    properties_[kNameMapping] = schema_.NameMappingJson().dump();
    // Spark's vectorized reader fails on promoted columns and on encodings of version 2.
    if (schema_.has_promotion() || has_v2_encodings_) properties_[kVectorized] = "false";
    for (const HiddenColumn& column : schema_.HiddenColumns()) {
      properties_["tarn.hidden-column." + column.name] = column.reason;
    }
  }

  Result<> EncodeFiles() {
    const parquet::FooterStatistics* last = nullptr;
    std::vector<size_t> leaves;
    for (const TableFile& file : input_.files) {
      if (last == nullptr || last->schema != file.footer->schema) {
        leaves = schema_.Leaves(ReadFileColumns(file.footer->schema));
      }
      last = file.footer.get();
      const auto rows = static_cast<int64_t>(last->row_count);
      if (file.size_bytes < 0 || __builtin_add_overflow(rows_, rows, &rows_) ||
          __builtin_add_overflow(bytes_, file.size_bytes, &bytes_)) {
        return InvalidArgument("the objects have an impossible number of rows or bytes");
      }
      data_files_.push_back(
          EncodeDataFile({.path = input_.data_prefix + file.key,
                          .partition = std::string_view(file.key).substr(prefix_bytes_),
                          .record_count = rows,
                          .size_bytes = file.size_bytes,
                          .statistics = MakeStatistics(*last, leaves)},
                         spec_));
    }
    return {};
  }

  // `leaves` has the field of each leaf of the file.
  DataFileStatistics MakeStatistics(const parquet::FooterStatistics& footer,
                                    const std::vector<size_t>& leaves) const {
    DataFileStatistics statistics;
    size_t leaf = 0;
    for (const parquet::SchemaElement& element : footer.schema) {
      if (!element.type) continue;
      const size_t index = leaves[leaf];
      const parquet::ColumnStatistics& column = footer.columns[leaf++];
      if (!schema_.IsVisible(index)) continue;
      const TableSchema::Field& field = schema_.fields()[index];
      statistics.column_sizes[field.id] = static_cast<int64_t>(column.compressed_bytes);
      // The elements of lists are not values of rows.
      if (field.is_repeated) continue;
      statistics.value_counts[field.id] = static_cast<int64_t>(column.value_count);
      if (column.null_count) {
        statistics.null_value_counts[field.id] = static_cast<int64_t>(*column.null_count);
      }
      if (!column.range) continue;
      std::optional<Bounds> bounds = SerializeBounds(*column.range, element, *field.type);
      if (!bounds) continue;
      statistics.lower_bounds[field.id] = std::move(bounds->lower);
      statistics.upper_bounds[field.id] = std::move(bounds->upper);
    }
    return statistics;
  }

  // Everything that clients see, apart from ids and times of the snapshot.
  void HashContent() {
    std::string content = input_.location + '\n' + schema_json_.dump() + '\n' +
                          PartitionFieldsJson(spec_).dump() + '\n' +
                          ordered_json(properties_).dump() + '\n';
    for (size_t i = 0; i < data_files_.size(); ++i) {
      content += Sha256Hex(data_files_[i]) + Sha256Hex(input_.files[i].etag);
    }
    content_hash_ = Sha256Hex(content);
  }

  Table Unchanged() {
    return {.metadata = input_.previous->metadata,
            .metadata_location = input_.previous->metadata_location,
            .objects = {},
            .field_ids = std::move(ids_),
            .hidden_columns = schema_.HiddenColumns()};
  }

  // The new snapshot, without its manifest list. A sequence number is part of its id: a table that
  // returns to an earlier content must not return to an earlier id.
  SnapshotInput NewSnapshot() const {
    SnapshotInput snapshot{
        .sequence_number = std::max<int64_t>(
            static_cast<int64_t>(std::min<uint64_t>(input_.version, INT64_MAX)), 1),
        .timestamp_ms =
            std::chrono::floor<std::chrono::milliseconds>(input_.updated_at.time_since_epoch())
                .count(),
        .content_hash = content_hash_,
        .file_count = static_cast<int64_t>(data_files_.size()),
        .row_count = rows_,
        .total_bytes = bytes_};
    if (previous_) {
      snapshot.sequence_number =
          std::max(snapshot.sequence_number, previous_->last_sequence_number + 1);
      snapshot.timestamp_ms = std::max(snapshot.timestamp_ms, previous_->last_updated_ms + 1);
    }
    snapshot.snapshot_id =
        SnapshotId(Sha256Hex(fmt::format("{}\n{}", content_hash_, snapshot.sequence_number)));
    return snapshot;
  }

  Table MakeSnapshot() {
    SnapshotInput snapshot = NewSnapshot();
    const std::optional<int64_t> parent =
        keeps_snapshots_ ? std::optional(previous_->current_snapshot_id) : std::nullopt;
    Table table{.field_ids = ids_, .hidden_columns = schema_.HiddenColumns()};
    const std::string manifest = WriteManifest({.schema = schema_json_,
                                                .spec = spec_,
                                                .snapshot_id = snapshot.snapshot_id,
                                                .sequence_number = snapshot.sequence_number,
                                                .data_files = data_files_});
    const std::string manifest_uri = AddObject(table, "m0", manifest, ".avro");
    const std::string list =
        WriteManifestList({.manifest_path = manifest_uri,
                           .manifest_length = static_cast<int64_t>(manifest.size()),
                           .spec_id = spec_.spec_id,
                           .snapshot_id = snapshot.snapshot_id,
                           .parent_snapshot_id = parent,
                           .sequence_number = snapshot.sequence_number,
                           .file_count = snapshot.file_count,
                           .row_count = snapshot.row_count});
    snapshot.manifest_list =
        AddObject(table, fmt::format("snap-{}", snapshot.snapshot_id), list, ".avro");
    table.metadata = FormatMetadata({.table_uuid = TableUuid(),
                                     .location = input_.location,
                                     .last_column_id = ids_.last_id(),
                                     .schema = schema_json_,
                                     .spec = spec_,
                                     .properties = properties_,
                                     .snapshot = snapshot,
                                     .keeps_snapshots = keeps_snapshots_,
                                     .snapshots_max = std::max<size_t>(input_.snapshots_max, 1)},
                                    previous_);
    table.metadata_location = AddObject(table, fmt::format("{:05}", snapshot.sequence_number),
                                        table.metadata, ".metadata.json");
    return table;
  }

  // Returns the URI. The name has a hash of the bytes, because clients cache objects forever.
  std::string AddObject(Table& table, const std::string& name, const std::string& bytes,
                        const char* suffix) const {
    std::string uri = fmt::format("{}{}-{}{}", input_.metadata_prefix, name,
                                  Sha256Hex(bytes).substr(0, kShortHash), suffix);
    table.objects.push_back({.uri = uri, .bytes = bytes});
    return uri;
  }

  std::string TableUuid() const {
    return UuidText(UuidOfName(UuidOfName(kCatalogNamespace, input_.catalog_id), input_.dataset));
  }

  const TableInput& input_;
  FieldIds ids_;
  std::optional<PreviousMetadata> previous_;
  TableSchema schema_;
  ordered_json schema_json_;
  PartitionSpec spec_;
  bool keeps_snapshots_ = false;
  size_t prefix_bytes_ = 0;  // Of the keys, before the partitions.
  std::map<std::string, std::string> properties_;
  bool has_v2_encodings_ = false;
  std::vector<std::string> data_files_;  // Encoded.
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
  std::string content_hash_;
};

}  // namespace

Result<Table> MakeTable(const TableInput& input) { return TableBuilder(input).Build(); }

}  // namespace tarn::iceberg
