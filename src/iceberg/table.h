#pragma once

// An Iceberg table over the Parquet objects of a dataset, which are not copied or changed.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "iceberg/field_ids.h"
#include "iceberg/table_schema.h"
#include "parquet/footer_statistics.h"

namespace tarn::iceberg {

// A Parquet object of the dataset.
struct TableFile {
  std::string key;
  int64_t size_bytes = 0;
  std::string etag;  // Empty if unknown.
  std::shared_ptr<const parquet::FooterStatistics> footer;
};

// The metadata of a table as MakeTable returned it.
struct PreviousTable {
  std::string metadata;
  std::string metadata_location;
};

struct TableInput {
  std::string dataset;
  std::string catalog_id;
  // The version of the dataset (catalog::Manifest); 0 if unknown.
  uint64_t version = 0;
  // The time of the dataset's last change. Must not be in the future: DuckDB ignores snapshots
  // that are newer than its transaction.
  UnixMicros updated_at;
  std::string location;         // The URI of the table, without a slash at its end.
  std::string data_prefix;      // The URI before the keys: "s3://lake/".
  std::string metadata_prefix;  // The URI before the names of new objects, which ends in a slash.
  std::vector<TableFile> files;
  FieldIds field_ids;
  std::optional<PreviousTable> previous;  // nullopt: the table is new.
  // The number of snapshots that the metadata keeps, for readers that have begun; at least 1.
  size_t snapshots_max = 5;
};

// An object that clients of the table read.
struct TableObject {
  std::string uri;
  std::string bytes;
};

struct Table {
  std::string metadata;           // The JSON of the table metadata.
  std::string metadata_location;  // Its URI.
  // The objects to write, in this order: manifest, manifest list, metadata. Empty if nothing has
  // changed since the previous metadata, which is then returned. A URI never gets other content.
  std::vector<TableObject> objects;
  FieldIds field_ids;  // To store before the objects are written.
  std::vector<HiddenColumn> hidden_columns;
};

// Makes the metadata of the table, a new snapshot if the files or their columns have changed. The
// same input gives the same bytes. Thread-safe, no I/O.
//
// - Schema: the union of the columns of all files (TableSchema), and the partitions in the keys
//   (catalog::FindPartitions). Properties of the table have the reasons for hidden columns.
// - The default name mapping has every physical column. A file with Parquet field ids is refused,
//   because readers would use those instead of the mapping.
// - If the partitions change, the previous snapshots are dropped: clients bind the specs of all
//   snapshots to the current schema.
// - The sequence number is the version of the dataset, or a greater number if that was used.
//
// Errors name the object or column. kInvalidArgument: keys with "#" or "?" or not in UTF-8, which
// clients cannot read; names that conflict (TableSchema); no visible column; damaged previous
// metadata. kTooLarge: FieldIds::kPathsMax.
Result<Table> MakeTable(const TableInput& input);

}  // namespace tarn::iceberg
