#include "duck/types.h"

#include <fmt/format.h>

#include <algorithm>

#include "duck/keywords.h"
#include "duck/quote.h"

namespace tarn::duck {
namespace {

std::string FieldList(const ColumnType& type) {
  const bool unnamed = std::all_of(type.names.begin(), type.names.end(),
                                   [](const std::string& name) { return name.empty(); });
  std::string out;
  for (size_t i = 0; i < type.children.size(); ++i) {
    if (i > 0) out += ", ";
    if (!unnamed) out += QuoteIfNeeded(type.names[i]) + " ";
    out += TypeName(type.children[i]);
  }
  return out;
}

std::string EnumValues(const ColumnType& type) {
  std::string out;
  for (const std::string& name : type.names) {
    if (!out.empty()) out += ", ";
    out += QuoteLiteral(name);
  }
  return out;
}

}  // namespace

std::string TypeName(const ColumnType& type) {
  if (!type.alias.empty()) return type.alias;
  switch (type.id) {
    case TypeId::kUnknown:
      return "TYPE";
    case TypeId::kNull:
      return "\"NULL\"";
    case TypeId::kBoolean:
      return "BOOLEAN";
    case TypeId::kTinyint:
      return "TINYINT";
    case TypeId::kSmallint:
      return "SMALLINT";
    case TypeId::kInteger:
      return "INTEGER";
    case TypeId::kBigint:
      return "BIGINT";
    case TypeId::kHugeint:
      return "HUGEINT";
    case TypeId::kUtinyint:
      return "UTINYINT";
    case TypeId::kUsmallint:
      return "USMALLINT";
    case TypeId::kUinteger:
      return "UINTEGER";
    case TypeId::kUbigint:
      return "UBIGINT";
    case TypeId::kUhugeint:
      return "UHUGEINT";
    case TypeId::kFloat:
      return "FLOAT";
    case TypeId::kDouble:
      return "DOUBLE";
    case TypeId::kDecimal:
      return fmt::format("DECIMAL({},{})", type.width, type.scale);
    case TypeId::kBignum:
      return "BIGNUM";
    case TypeId::kVarchar:
      return "VARCHAR";
    case TypeId::kBlob:
      return "BLOB";
    case TypeId::kBit:
      return "BIT";
    case TypeId::kUuid:
      return "UUID";
    case TypeId::kEnum:
      return "ENUM(" + EnumValues(type) + ")";
    case TypeId::kDate:
      return "DATE";
    case TypeId::kTime:
      return "TIME";
    case TypeId::kTimeNs:
      return "TIME_NS";
    case TypeId::kTimeTz:
      return "TIME WITH TIME ZONE";
    case TypeId::kTimestamp:
      return "TIMESTAMP";
    case TypeId::kTimestampS:
      return "TIMESTAMP_S";
    case TypeId::kTimestampMs:
      return "TIMESTAMP_MS";
    case TypeId::kTimestampNs:
      return "TIMESTAMP_NS";
    case TypeId::kTimestampTz:
      return "TIMESTAMP WITH TIME ZONE";
    case TypeId::kInterval:
      return "INTERVAL";
    case TypeId::kList:
      return TypeName(type.children[0]) + "[]";
    case TypeId::kArray:
      return fmt::format("{}[{}]", TypeName(type.children[0]), type.array_size);
    case TypeId::kStruct:
      return "STRUCT(" + FieldList(type) + ")";
    case TypeId::kMap:
      return "MAP(" + TypeName(type.children[0]) + ", " + TypeName(type.children[1]) + ")";
    case TypeId::kUnion:
      return "UNION(" + FieldList(type) + ")";
    case TypeId::kVariant:
      return "VARIANT";
    case TypeId::kGeometry:
      return type.crs.empty() ? "GEOMETRY" : "GEOMETRY(" + QuoteLiteral(type.crs) + ")";
  }
  return "TYPE";
}

bool HasUnknown(const ColumnType& type) {
  return type.id == TypeId::kUnknown ||
         std::any_of(type.children.begin(), type.children.end(), HasUnknown);
}

}  // namespace tarn::duck
