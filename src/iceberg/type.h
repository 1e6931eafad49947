#pragma once

// Iceberg types, and the types of Parquet leaves in Iceberg.

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "parquet/schema_element.h"

namespace tarn::iceberg {

// A primitive type of version 2 of the format. https://iceberg.apache.org/spec/#primitive-types
struct PrimitiveType {
  enum class Kind : uint8_t {
    kBoolean,
    kInt,
    kLong,
    kFloat,
    kDouble,
    kDecimal,
    kDate,
    kTimestamp,    // Microseconds without a zone.
    kTimestamptz,  // Microseconds in UTC.
    kString,
    kUuid,
    kFixed,
    kBinary,
  };

  Kind kind = Kind::kBoolean;
  int32_t precision = 0;  // kDecimal: 1 to 38.
  int32_t scale = 0;      // kDecimal: 0 to `precision`.
  int32_t length = 0;     // kFixed: bytes.

  bool operator==(const PrimitiveType&) const = default;
};

// The type in a schema's JSON: "decimal(18, 2)", "fixed[4]".
// https://iceberg.apache.org/spec/#schemas
std::string TypeText(const PrimitiveType& type);

// The type that holds the values of both types, if an Iceberg reader converts both to it: int and
// long, float and double, decimals of one scale. https://iceberg.apache.org/spec/#schema-evolution
std::optional<PrimitiveType> PromotedType(const PrimitiveType& first, const PrimitiveType& second);

// The Iceberg type of a leaf. If clients cannot read it, or read other values than DuckDB, the
// error is the reason why the column is hidden.
//
//   Parquet                                      Iceberg
//   BOOLEAN                                      boolean
//   INT32, INT64 (signed: 8 to 64 bits)          int, long
//   INT32 UINT_8, UINT_16                        int
//   UINT_32, UINT_64                             hidden: Trino returns negative numbers
//   FLOAT, DOUBLE                                float, double
//   DECIMAL of 1 to 38 digits                    decimal
//   DATE                                         date
//   TIME                                         hidden: Spark refuses the table
//   TIMESTAMP in ms or µs                        timestamp; if adjusted to UTC, timestamptz
//   TIMESTAMP in ns                              hidden: clients round, truncate or fail
//   INT96                                        timestamp
//   BYTE_ARRAY STRING, ENUM, JSON                string
//   BYTE_ARRAY                                   binary
//   FIXED_LEN_BYTE_ARRAY                         fixed
//   FIXED_LEN_BYTE_ARRAY(16) UUID                uuid
//   FLOAT16, INTERVAL, BSON, GEOMETRY,           hidden: version 2 of Iceberg has no such type
//   GEOGRAPHY, others
//   UNKNOWN                                      hidden; PyIceberg 0.12 refuses the file anyway
//
// A TIMESTAMP that has only a converted type is adjusted to UTC, as Parquet defines it. Its Iceberg
// type is still timestamp: DuckDB reads it as one, and DuckDB 1.5.5 would shift a timestamptz by
// the time zone of its session.
Result<PrimitiveType> ToIcebergType(const parquet::SchemaElement& leaf);

}  // namespace tarn::iceberg
