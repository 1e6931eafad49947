#include "duck/type_reader.h"

#include <arrow/c/abi.h>

#include <cstring>
#include <string>
#include <string_view>

namespace tarn::duck {
namespace {

// In the C API of 1.5, but not in the pinned header.
constexpr int kDuckdbTypeGeometry = 40;
constexpr int kDuckdbTypeVariant = 41;

std::string ConsumeText(char* text) {
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

// Returns a value of an Arrow field's metadata, a list of keys and values. Their number and each
// length are an int32 (Arrow C data interface, "ArrowSchema.metadata").
std::string_view MetadataValue(const char* metadata, std::string_view wanted) {
  if (metadata == nullptr) return "";
  const auto take_count = [&metadata] {
    int32_t count = 0;
    std::memcpy(&count, metadata, sizeof(count));
    metadata += sizeof(count);
    return count;
  };
  const auto take_text = [&] {
    const auto length = static_cast<size_t>(take_count());
    const std::string_view text(metadata, length);
    metadata += length;
    return text;
  };
  for (int32_t left = take_count(); left > 0; --left) {
    const std::string_view key = take_text();
    const std::string_view value = take_text();
    if (key == wanted) return value;
  }
  return "";
}

// The coordinate reference system in GeoArrow's extension metadata, in DuckDB's notation: the
// identifier of a built-in one, else its definition in PROJJSON.
std::string CrsInMetadata(std::string_view json) {
  constexpr std::string_view kBegin = R"({"crs_type":"projjson","crs":)";
  if (!json.starts_with(kBegin) || !json.ends_with('}')) return "";
  json = json.substr(kBegin.size(), json.size() - kBegin.size() - 1);
  if (json.ends_with(R"("id":{"authority":"OGC","code":"CRS84"}})")) return "OGC:CRS84";
  if (json.ends_with(R"("id":{"authority":"OGC","code":"CRS83"}})")) return "OGC:CRS83";
  return std::string(json);
}

// The C API exposes the coordinate reference system of a GEOMETRY only in its Arrow schema.
std::string ReadCrs(duckdb_logical_type type, duckdb_arrow_options options) {
  const char* name = "";
  ArrowSchema schema = {};
  duckdb_error_data error = duckdb_to_arrow_schema(options, &type, &name, 1, &schema);
  std::string crs;
  if (!duckdb_error_data_has_error(error) && schema.n_children == 1) {
    crs = CrsInMetadata(MetadataValue(schema.children[0]->metadata, "ARROW:extension:metadata"));
  }
  if (schema.release != nullptr) schema.release(&schema);
  duckdb_destroy_error_data(&error);
  return crs;
}

void ReadEnum(duckdb_logical_type type, ColumnType& out) {
  out.storage = ToTypeId(duckdb_enum_internal_type(type));
  const uint32_t size = duckdb_enum_dictionary_size(type);
  out.names.reserve(size);
  for (uint32_t i = 0; i < size; ++i) {
    out.names.push_back(ConsumeText(duckdb_enum_dictionary_value(type, i)));
  }
}

}  // namespace

ColumnType ReadType(duckdb_logical_type type, const WithArrowOptions& with_arrow_options) {
  const auto take_type = [&](duckdb_logical_type child) {
    return ReadType(LogicalType(child).get(), with_arrow_options);
  };
  ColumnType out;
  out.id = ToTypeId(duckdb_get_type_id(type));
  out.alias = ConsumeText(duckdb_logical_type_get_alias(type));
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
      out.children.push_back(take_type(duckdb_list_type_child_type(type)));
      break;
    case TypeId::kArray:
      out.array_size = duckdb_array_type_array_size(type);
      out.children.push_back(take_type(duckdb_array_type_child_type(type)));
      break;
    case TypeId::kMap:
      out.children.push_back(take_type(duckdb_map_type_key_type(type)));
      out.children.push_back(take_type(duckdb_map_type_value_type(type)));
      break;
    case TypeId::kStruct: {
      const idx_t count = duckdb_struct_type_child_count(type);
      for (idx_t i = 0; i < count; ++i) {
        out.names.push_back(ConsumeText(duckdb_struct_type_child_name(type, i)));
        out.children.push_back(take_type(duckdb_struct_type_child_type(type, i)));
      }
      break;
    }
    case TypeId::kUnion: {
      const idx_t count = duckdb_union_type_member_count(type);
      for (idx_t i = 0; i < count; ++i) {
        out.names.push_back(ConsumeText(duckdb_union_type_member_name(type, i)));
        out.children.push_back(take_type(duckdb_union_type_member_type(type, i)));
      }
      break;
    }
    case TypeId::kGeometry:
      with_arrow_options([&](duckdb_arrow_options options) { out.crs = ReadCrs(type, options); });
      break;
    default:
      break;
  }
  return out;
}

}  // namespace tarn::duck
