#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn::duck {

// The parts of a Parquet footer that decide the columns and types that DuckDB reads.
// https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
struct FooterMetadata {
  // The list of schema elements, as it is encoded. Files with the same one, and the same `geo`,
  // have the same columns.
  std::string schema;
  std::string geo;  // The value of the "geo" metadata of GeoParquet; empty if there is none.
  // For each leaf of the schema, in its order: whether its logical type is UNKNOWN, which stands
  // for a column of nulls without a type.
  std::vector<bool> untyped_leaves;
  // For each leaf: whether a row group has a bloom filter for it.
  std::vector<bool> bloom_leaves;
  // A column or a field has an empty name, in whose place DuckDB makes one up.
  bool has_empty_names = false;
  // DuckDB wrote the file, whose statistics of floating-point columns then count NaN.
  bool is_by_duckdb = false;
};

// Reads a FileMetaData struct in Thrift's compact protocol. The error says that the footer is
// damaged: it ends too early, or nests too deeply.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
Result<FooterMetadata> ReadFooterMetadata(std::string_view footer);

}  // namespace tarn::duck
