#pragma once

// The bounds of columns in a manifest.

#include <optional>
#include <string>

#include "iceberg/type.h"
#include "parquet/footer_statistics.h"

namespace tarn::iceberg {

// The lower and the upper bound of a column in one file, serialized.
struct Bounds {
  std::string lower;
  std::string upper;

  bool operator==(const Bounds&) const = default;
};

// Serializes the range of a leaf as values of the table's type, to which the leaf's type must be
// promoted. Only int, long, date, timestamp, timestamptz and decimal have bounds: a bound that is
// wrong drops rows. nullopt for other types, and if a value does not fit the type.
//
// Numbers are little-endian: 4 bytes for int and date, 8 bytes for long and microseconds. A decimal
// is its unscaled value in the fewest bytes, big-endian.
// https://iceberg.apache.org/spec/#binary-single-value-serialization
std::optional<Bounds> SerializeBounds(const parquet::ValueRange& range,
                                      const parquet::SchemaElement& leaf,
                                      const PrimitiveType& type);

}  // namespace tarn::iceberg
