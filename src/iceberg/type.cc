#include "iceberg/type.h"

#include <fmt/format.h>

#include <algorithm>

namespace tarn::iceberg {
namespace {

using parquet::PhysicalType;
using parquet::TimeUnit;
using IcebergKind = PrimitiveType::Kind;
using ParquetKind = parquet::LogicalType::Kind;

constexpr int32_t kUuidBytes = 16;
constexpr int32_t kDecimalDigitsMax = 38;
constexpr int32_t kInt32DigitsMax = 9;
constexpr int32_t kInt64DigitsMax = 18;

Error MismatchError() {
  return InvalidArgument("its logical type in Parquet does not fit its physical type");
}

Error NoTypeError(std::string_view type) {
  return InvalidArgument(fmt::format("Iceberg has no type for {}", type));
}

Result<PrimitiveType> TypeOfPlainLeaf(const parquet::SchemaElement& leaf) {
  switch (*leaf.type) {
    case PhysicalType::kBoolean:
      return PrimitiveType{.kind = IcebergKind::kBoolean};
    case PhysicalType::kInt32:
      return PrimitiveType{.kind = IcebergKind::kInt};
    case PhysicalType::kInt64:
      return PrimitiveType{.kind = IcebergKind::kLong};
    case PhysicalType::kInt96:
      return PrimitiveType{.kind = IcebergKind::kTimestamp};
    case PhysicalType::kFloat:
      return PrimitiveType{.kind = IcebergKind::kFloat};
    case PhysicalType::kDouble:
      return PrimitiveType{.kind = IcebergKind::kDouble};
    case PhysicalType::kByteArray:
      return PrimitiveType{.kind = IcebergKind::kBinary};
    case PhysicalType::kFixedLenByteArray:
      break;
  }
  if (leaf.type_length <= 0) return MismatchError();
  return PrimitiveType{.kind = IcebergKind::kFixed, .length = leaf.type_length};
}

Result<PrimitiveType> TypeOfInteger(const parquet::SchemaElement& leaf) {
  constexpr int8_t kInt32Bits = 32;
  constexpr int8_t kInt64Bits = 64;
  const auto [is_signed, bits] = std::pair(leaf.logical.is_signed, leaf.logical.bits);
  const bool is_int32 =
      leaf.type == PhysicalType::kInt32 && (bits == 8 || bits == 16 || bits == 32);
  const bool is_int64 = leaf.type == PhysicalType::kInt64 && bits == kInt64Bits;
  if (!is_int32 && !is_int64) return MismatchError();
  if (!is_signed && bits >= kInt32Bits) {
    return InvalidArgument(fmt::format(
        "unsigned integers of {} bits are negative numbers to some Iceberg clients", bits));
  }
  return PrimitiveType{.kind = is_int32 ? IcebergKind::kInt : IcebergKind::kLong};
}

Result<PrimitiveType> TypeOfDecimal(const parquet::SchemaElement& leaf) {
  const auto [precision, scale] = std::pair(leaf.logical.precision, leaf.logical.scale);
  const int32_t digits_max = leaf.type == PhysicalType::kInt32   ? kInt32DigitsMax
                             : leaf.type == PhysicalType::kInt64 ? kInt64DigitsMax
                                                                 : kDecimalDigitsMax;
  const bool has_digits = leaf.type == PhysicalType::kInt32 || leaf.type == PhysicalType::kInt64 ||
                          leaf.type == PhysicalType::kByteArray ||
                          leaf.type == PhysicalType::kFixedLenByteArray;
  if (precision > kDecimalDigitsMax) return NoTypeError("a DECIMAL of more than 38 digits");
  if (!has_digits || precision < 1 || precision > digits_max || scale < 0 || scale > precision) {
    return MismatchError();
  }
  return PrimitiveType{.kind = IcebergKind::kDecimal, .precision = precision, .scale = scale};
}

Result<PrimitiveType> TypeOfTimestamp(const parquet::SchemaElement& leaf) {
  if (leaf.type != PhysicalType::kInt64) return MismatchError();
  if (leaf.logical.unit == TimeUnit::kNanos) {
    return InvalidArgument("nanoseconds are rounded or refused by Iceberg clients");
  }
  if (leaf.logical.unit == TimeUnit::kUnknown) return MismatchError();
  const bool has_zone = leaf.logical.is_utc && !leaf.logical.is_converted;
  return PrimitiveType{.kind = has_zone ? IcebergKind::kTimestamptz : IcebergKind::kTimestamp};
}

// Returns a type that has only one physical type.
Result<PrimitiveType> TypeIf(bool fits, IcebergKind kind) {
  if (!fits) return MismatchError();
  return PrimitiveType{.kind = kind};
}

}  // namespace

std::string TypeText(const PrimitiveType& type) {
  switch (type.kind) {
    case IcebergKind::kBoolean:
      return "boolean";
    case IcebergKind::kInt:
      return "int";
    case IcebergKind::kLong:
      return "long";
    case IcebergKind::kFloat:
      return "float";
    case IcebergKind::kDouble:
      return "double";
    case IcebergKind::kDecimal:
      return fmt::format("decimal({}, {})", type.precision, type.scale);
    case IcebergKind::kDate:
      return "date";
    case IcebergKind::kTimestamp:
      return "timestamp";
    case IcebergKind::kTimestamptz:
      return "timestamptz";
    case IcebergKind::kString:
      return "string";
    case IcebergKind::kUuid:
      return "uuid";
    case IcebergKind::kFixed:
      return fmt::format("fixed[{}]", type.length);
    case IcebergKind::kBinary:
      break;
  }
  return "binary";
}

std::optional<PrimitiveType> PromotedType(const PrimitiveType& first, const PrimitiveType& second) {
  if (first == second) return first;
  const auto are = [&](IcebergKind narrow, IcebergKind wide) {
    return (first.kind == narrow && second.kind == wide) ||
           (first.kind == wide && second.kind == narrow);
  };
  if (are(IcebergKind::kInt, IcebergKind::kLong)) return PrimitiveType{.kind = IcebergKind::kLong};
  if (are(IcebergKind::kFloat, IcebergKind::kDouble)) {
    return PrimitiveType{.kind = IcebergKind::kDouble};
  }
  if (are(IcebergKind::kDecimal, IcebergKind::kDecimal) && first.scale == second.scale) {
    return first.precision > second.precision ? first : second;
  }
  return std::nullopt;
}

Result<PrimitiveType> ToIcebergType(const parquet::SchemaElement& leaf) {
  const bool is_bytes = leaf.type == PhysicalType::kByteArray;
  const bool is_fixed = leaf.type == PhysicalType::kFixedLenByteArray;
  switch (leaf.logical.kind) {
    case ParquetKind::kNone:
      return TypeOfPlainLeaf(leaf);
    case ParquetKind::kString:
    case ParquetKind::kEnum:
    case ParquetKind::kJson:
      return TypeIf(is_bytes, IcebergKind::kString);
    case ParquetKind::kUuid:
      return TypeIf(is_fixed && leaf.type_length == kUuidBytes, IcebergKind::kUuid);
    case ParquetKind::kDate:
      return TypeIf(leaf.type == PhysicalType::kInt32, IcebergKind::kDate);
    case ParquetKind::kInteger:
      return TypeOfInteger(leaf);
    case ParquetKind::kDecimal:
      return TypeOfDecimal(leaf);
    case ParquetKind::kTimestamp:
      return TypeOfTimestamp(leaf);
    case ParquetKind::kTime:
      return InvalidArgument("Spark refuses tables with a TIME");
    case ParquetKind::kUnknown:
      return InvalidArgument("an object has only nulls without a type");
    case ParquetKind::kBson:
      return NoTypeError("BSON");
    case ParquetKind::kFloat16:
      return NoTypeError("FLOAT16");
    case ParquetKind::kInterval:
      return NoTypeError("INTERVAL");
    case ParquetKind::kGeometry:
    case ParquetKind::kGeography:
      return NoTypeError("GEOMETRY and GEOGRAPHY in version 2");
    case ParquetKind::kVariant:
    case ParquetKind::kMap:
    case ParquetKind::kList:
      return MismatchError();
    case ParquetKind::kOther:
      break;
  }
  return NoTypeError("its logical type in Parquet");
}

}  // namespace tarn::iceberg
