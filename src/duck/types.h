#pragma once

// DuckDB's types in plain C++, for the encoders.

#include <cstdint>
#include <string>
#include <vector>

namespace tarn::duck {

enum class TypeId : uint8_t {
  kUnknown,  // A type without a constant in the C API (in 1.5 only TYPE).
  kNull,
  kBoolean,
  kTinyint,
  kSmallint,
  kInteger,
  kBigint,
  kHugeint,
  kUtinyint,
  kUsmallint,
  kUinteger,
  kUbigint,
  kUhugeint,
  kFloat,
  kDouble,
  kDecimal,
  kBignum,
  kVarchar,
  kBlob,
  kBit,
  kUuid,
  kEnum,
  kDate,
  kTime,
  kTimeNs,
  kTimeTz,
  kTimestamp,
  kTimestampS,
  kTimestampMs,
  kTimestampNs,
  kTimestampTz,
  kInterval,
  kList,
  kArray,
  kStruct,
  kMap,
  kUnion,
  kVariant,
  kGeometry,
};

struct ColumnType {
  TypeId id = TypeId::kUnknown;
  std::string alias;  // "JSON" for the JSON type, which is stored as VARCHAR.

  // DECIMAL: its width, scale and storage type. ENUM: the integer type that indexes `names`.
  uint8_t width = 0;
  uint8_t scale = 0;
  TypeId storage = TypeId::kUnknown;

  uint64_t array_size = 0;  // ARRAY
  std::string crs;          // GEOMETRY: its coordinate reference system; may be empty.

  // LIST, ARRAY: the element. MAP: key and value. STRUCT: the fields. UNION: the members.
  std::vector<ColumnType> children;
  // STRUCT: field names; empty for an unnamed one (row(1, 2)). UNION: member names. ENUM: its
  // values.
  std::vector<std::string> names;
};

// DuckDB's name of the type, as in typeof(): "DECIMAL(18,2)", "STRUCT(a INTEGER, b VARCHAR[])".
std::string TypeName(const ColumnType& type);

// True if the type, or a nested type, cannot be read by the encoders.
bool HasUnknown(const ColumnType& type);

}  // namespace tarn::duck
