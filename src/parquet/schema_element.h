#pragma once

// An element of a Parquet schema, as a value.

#include <cstdint>
#include <optional>
#include <string>

#include "parquet/thrift_reader.h"

namespace tarn::parquet {

// The values of `Type` in parquet.thrift.
enum class PhysicalType : uint8_t {
  kBoolean = 0,
  kInt32 = 1,
  kInt64 = 2,
  kInt96 = 3,
  kFloat = 4,
  kDouble = 5,
  kByteArray = 6,
  kFixedLenByteArray = 7,
};

// The values of `FieldRepetitionType`.
enum class Repetition : uint8_t { kRequired = 0, kOptional = 1, kRepeated = 2 };

enum class TimeUnit : uint8_t { kUnknown, kMillis, kMicros, kNanos };

// The logical type of an element. If a file has only the older converted type, it is the logical
// type that the specification defines as equal.
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
struct LogicalType {
  enum class Kind : uint8_t {
    kNone,
    kString,
    kMap,
    kList,
    kEnum,
    kDecimal,
    kDate,
    kTime,
    kTimestamp,
    kInteger,
    kUnknown,  // A column of nulls without a type.
    kJson,
    kBson,
    kUuid,
    kFloat16,
    kVariant,
    kGeometry,
    kGeography,
    kInterval,  // Only a converted type.
    kOther,     // A type of a newer version of Parquet.
  };

  Kind kind = Kind::kNone;
  int32_t precision = 0;               // kDecimal, not checked
  int32_t scale = 0;                   // kDecimal, not checked
  TimeUnit unit = TimeUnit::kUnknown;  // kTime and kTimestamp
  bool is_utc = false;                 // kTime and kTimestamp: isAdjustedToUTC
  int8_t bits = 0;                     // kInteger, not checked
  bool is_signed = true;               // kInteger
  bool is_converted = false;           // The file has only the converted type.

  bool operator==(const LogicalType&) const = default;
};

// A group (a struct, list or map) or a leaf of a schema.
struct SchemaElement {
  std::string name;                  // Any bytes; may be empty.
  std::optional<PhysicalType> type;  // Only of a leaf.
  int32_t type_length = 0;           // Bytes of kFixedLenByteArray, not checked.
  Repetition repetition = Repetition::kRequired;
  uint32_t children = 0;  // 0: a leaf. Otherwise the children follow, depth first.
  LogicalType logical;
  bool has_field_id = false;

  bool operator==(const SchemaElement&) const = default;
};

// Reads a SchemaElement struct. Returns nullopt if it has no name or an invalid number, or if the
// reader fails.
std::optional<SchemaElement> ReadSchemaElement(ThriftReader& reader);

}  // namespace tarn::parquet
