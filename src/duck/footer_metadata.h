#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn::duck {

// The parts of a Parquet footer that determine the columns and types that DuckDB reads.
// https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
struct FooterMetadata {
  // The encoded list of schema elements. Files with equal `schema` and `geo` have equal columns.
  std::string schema;
  std::string geo;  // The "geo" metadata of GeoParquet; may be empty.
  // For each leaf of the schema in order: true if its logical type is UNKNOWN (a column of nulls
  // without a type).
  std::vector<bool> untyped_leaves;
  // For each leaf: true if a row group has a bloom filter for it.
  std::vector<bool> bloom_leaves;
  // A column or field has an empty name, for which DuckDB generates one.
  bool has_empty_names = false;
  // DuckDB wrote the file: its statistics of floating-point columns include NaN.
  bool is_by_duckdb = false;
};

// The limits of a footer. DuckDB decodes the schema recursively and crashes when the stack
// overflows: between 5,000 and 20,000 levels with 8 MiB.
struct FooterLimits {
  size_t bytes_max = 64'000'000;  // queryd.footer_bytes_max
  // Levels of the schema tree. A list or a map takes two, a struct takes one.
  size_t depth_max = 64;  // queryd.schema_depth_max
  // Lists and maps in each other. DuckDB 1.5.5 takes twice as long for each level to read a column:
  // 16 lists take 16 ms, 20 lists 0.2 s, 30 lists 212 s.
  size_t lists_max = 16;
  size_t columns_max = 10'000;  // Leaves of the schema tree.
};

// Parses and checks a FileMetaData struct in Thrift's compact protocol, before DuckDB decodes it.
// Time and memory are linear in the size of the footer; not recursive. Errors have the fault and
// its remedy: kTooLarge for a limit, kInvalidArgument for a damaged footer.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
Result<FooterMetadata> ReadFooterMetadata(std::string_view footer, const FooterLimits& limits = {});

}  // namespace tarn::duck
