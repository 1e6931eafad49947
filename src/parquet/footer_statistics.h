#pragma once

// The part of a Parquet footer from which the metadata of an Iceberg table is made. No I/O.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "parquet/schema_element.h"

namespace tarn::parquet {

// A 128-bit number in two's complement.
struct Int128 {
  int64_t high = 0;
  uint64_t low = 0;

  auto operator<=>(const Int128&) const = default;
};

// The number in big-endian two's complement; nullopt for no bytes or more than 16.
std::optional<Int128> FromBigEndian(std::string_view bytes);

// The smallest and the largest value of a leaf in all row groups, as stored: days, milliseconds,
// the unscaled value of a DECIMAL.
struct ValueRange {
  Int128 min;
  Int128 max;

  bool operator==(const ValueRange&) const = default;
};

// A leaf of the schema in all row groups together.
struct ColumnStatistics {
  uint64_t compressed_bytes = 0;
  uint64_t value_count = 0;            // With nulls. For a list: of its elements.
  std::optional<uint64_t> null_count;  // nullopt if a row group does not have it.
  // Only for signed INT32 and INT64, unsigned integers of at most 16 bits, and DECIMAL. nullopt if
  // a row group with values has no exact minimum and maximum in a defined order.
  std::optional<ValueRange> range;
};

struct FooterStatistics {
  uint64_t row_count = 0;
  // Depth first; without the root. Each leaf has a type; each group has children.
  std::vector<SchemaElement> schema;
  std::vector<ColumnStatistics> columns;  // One for each leaf, in the order of the schema.
  // A column has an encoding that only version 2 of the format defines (DELTA_…,
  // BYTE_STREAM_SPLIT).
  bool has_v2_encodings = false;
};

struct StatisticsLimits {
  size_t depth_max = 64;        // Levels of the schema tree.
  size_t columns_max = 10'000;  // Leaves of the schema tree.
  size_t column_chunks_max = 1'000'000;
};

// Parses a FileMetaData struct in Thrift's compact protocol. The bytes are untrusted. Time and
// memory are linear in the size of the footer; not recursive. Thread-safe.
//
// Errors have the fault and its remedy: kTooLarge for a limit, kInvalidArgument for a damaged
// footer and for columns without a name in UTF-8.
// https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
Result<FooterStatistics> ReadFooterStatistics(std::string_view footer,
                                              const StatisticsLimits& limits = {});

}  // namespace tarn::parquet
