#pragma once

// DuckDB's types in plain C++: what the encoders walk.

#include <cstdint>
#include <string>
#include <vector>

namespace tarn::duck {

enum class TypeId : uint8_t {
  kUnknown,  // A type that the C API has no name for (in 1.5 only TYPE).
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
  std::string alias;  // "JSON" for the JSON type, which is otherwise a VARCHAR.

  // DECIMAL: its width and scale, and the integer type that holds the digits.
  // ENUM: the integer type that indexes `names`.
  uint8_t width = 0;
  uint8_t scale = 0;
  TypeId storage = TypeId::kUnknown;

  uint64_t array_size = 0;  // ARRAY
  std::string crs;          // GEOMETRY: its coordinate reference system; empty: it has none.

  // LIST, ARRAY: the element. MAP: key, value. STRUCT: the fields. UNION: the members.
  std::vector<ColumnType> children;
  // STRUCT: field names, empty texts for an unnamed one (row(1, 2)). UNION: member names.
  // ENUM: its values.
  std::vector<std::string> names;
};

// DuckDB's own name of the type, as typeof() says it: "DECIMAL(18,2)",
// "STRUCT(a INTEGER, b VARCHAR[])".
std::string TypeName(const ColumnType& type);

// True when the type, or one nested in it, is one that no encoder can read.
bool HasUnknown(const ColumnType& type);

}  // namespace tarn::duck
