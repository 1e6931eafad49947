#include "duck/type_reader.h"

#include <string>

namespace tarn::duck {
namespace {

// In 1.5's C API, not yet in the header that is pinned.
constexpr int kDuckdbTypeGeometry = 40;
constexpr int kDuckdbTypeVariant = 41;

std::string TakeText(char* text) {
  if (text == nullptr) return "";
  std::string out(text);
  duckdb_free(text);
  return out;
}

TypeId ToTypeId(duckdb_type type) {
  switch (static_cast<int>(type)) {
    case DUCKDB_TYPE_SQLNULL:
      return TypeId::kNull;
    case DUCKDB_TYPE_BOOLEAN:
      return TypeId::kBoolean;
    case DUCKDB_TYPE_TINYINT:
      return TypeId::kTinyint;
    case DUCKDB_TYPE_SMALLINT:
      return TypeId::kSmallint;
    case DUCKDB_TYPE_INTEGER:
      return TypeId::kInteger;
    case DUCKDB_TYPE_BIGINT:
      return TypeId::kBigint;
    case DUCKDB_TYPE_HUGEINT:
      return TypeId::kHugeint;
    case DUCKDB_TYPE_UTINYINT:
      return TypeId::kUtinyint;
    case DUCKDB_TYPE_USMALLINT:
      return TypeId::kUsmallint;
    case DUCKDB_TYPE_UINTEGER:
      return TypeId::kUinteger;
    case DUCKDB_TYPE_UBIGINT:
      return TypeId::kUbigint;
    case DUCKDB_TYPE_UHUGEINT:
      return TypeId::kUhugeint;
    case DUCKDB_TYPE_FLOAT:
      return TypeId::kFloat;
    case DUCKDB_TYPE_DOUBLE:
      return TypeId::kDouble;
    case DUCKDB_TYPE_DECIMAL:
      return TypeId::kDecimal;
    case DUCKDB_TYPE_BIGNUM:
      return TypeId::kBignum;
    case DUCKDB_TYPE_VARCHAR:
      return TypeId::kVarchar;
    case DUCKDB_TYPE_BLOB:
      return TypeId::kBlob;
    case DUCKDB_TYPE_BIT:
      return TypeId::kBit;
    case DUCKDB_TYPE_UUID:
      return TypeId::kUuid;
    case DUCKDB_TYPE_ENUM:
      return TypeId::kEnum;
    case DUCKDB_TYPE_DATE:
      return TypeId::kDate;
    case DUCKDB_TYPE_TIME:
      return TypeId::kTime;
    case DUCKDB_TYPE_TIME_NS:
      return TypeId::kTimeNs;
    case DUCKDB_TYPE_TIME_TZ:
      return TypeId::kTimeTz;
    case DUCKDB_TYPE_TIMESTAMP:
      return TypeId::kTimestamp;
    case DUCKDB_TYPE_TIMESTAMP_S:
      return TypeId::kTimestampS;
    case DUCKDB_TYPE_TIMESTAMP_MS:
      return TypeId::kTimestampMs;
    case DUCKDB_TYPE_TIMESTAMP_NS:
      return TypeId::kTimestampNs;
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return TypeId::kTimestampTz;
    case DUCKDB_TYPE_INTERVAL:
      return TypeId::kInterval;
    case DUCKDB_TYPE_LIST:
      return TypeId::kList;
    case DUCKDB_TYPE_ARRAY:
      return TypeId::kArray;
    case DUCKDB_TYPE_STRUCT:
      return TypeId::kStruct;
    case DUCKDB_TYPE_MAP:
      return TypeId::kMap;
    case DUCKDB_TYPE_UNION:
      return TypeId::kUnion;
    case kDuckdbTypeVariant:
      return TypeId::kVariant;
    case kDuckdbTypeGeometry:
      return TypeId::kGeometry;
    default:
      return TypeId::kUnknown;
  }
}

ColumnType TakeType(duckdb_logical_type type) { return ReadType(LogicalType(type).get()); }

void ReadEnum(duckdb_logical_type type, ColumnType& out) {
  out.storage = ToTypeId(duckdb_enum_internal_type(type));
  const uint32_t size = duckdb_enum_dictionary_size(type);
  out.names.reserve(size);
  for (uint32_t i = 0; i < size; ++i) {
    out.names.push_back(TakeText(duckdb_enum_dictionary_value(type, i)));
  }
}

}  // namespace

ColumnType ReadType(duckdb_logical_type type) {
  ColumnType out;
  out.id = ToTypeId(duckdb_get_type_id(type));
  out.alias = TakeText(duckdb_logical_type_get_alias(type));
  switch (out.id) {
    case TypeId::kDecimal:
      out.width = duckdb_decimal_width(type);
      out.scale = duckdb_decimal_scale(type);
      out.storage = ToTypeId(duckdb_decimal_internal_type(type));
      break;
    case TypeId::kEnum:
      ReadEnum(type, out);
      break;
    case TypeId::kList:
      out.children.push_back(TakeType(duckdb_list_type_child_type(type)));
      break;
    case TypeId::kArray:
      out.array_size = duckdb_array_type_array_size(type);
      out.children.push_back(TakeType(duckdb_array_type_child_type(type)));
      break;
    case TypeId::kMap:
      out.children.push_back(TakeType(duckdb_map_type_key_type(type)));
      out.children.push_back(TakeType(duckdb_map_type_value_type(type)));
      break;
    case TypeId::kStruct: {
      const idx_t count = duckdb_struct_type_child_count(type);
      for (idx_t i = 0; i < count; ++i) {
        out.names.push_back(TakeText(duckdb_struct_type_child_name(type, i)));
        out.children.push_back(TakeType(duckdb_struct_type_child_type(type, i)));
      }
      break;
    }
    case TypeId::kUnion: {
      const idx_t count = duckdb_union_type_member_count(type);
      for (idx_t i = 0; i < count; ++i) {
        out.names.push_back(TakeText(duckdb_union_type_member_name(type, i)));
        out.children.push_back(TakeType(duckdb_union_type_member_type(type, i)));
      }
      break;
    }
    default:
      break;
  }
  return out;
}

}  // namespace tarn::duck
