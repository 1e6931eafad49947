#include "iceberg/type.h"

#include <gtest/gtest.h>

namespace tarn::iceberg {
namespace {

using parquet::LogicalType;
using parquet::PhysicalType;
using parquet::TimeUnit;
using Logical = parquet::LogicalType::Kind;

// The text of the type, or the reason why there is none.
std::string TypeOf(PhysicalType type, const LogicalType& logical = {}, int32_t length = 0) {
  const auto mapped = ToIcebergType({.type = type, .type_length = length, .logical = logical});
  return mapped.ok() ? TypeText(*mapped) : mapped.error().message;
}

std::string IntegerOf(PhysicalType type, int8_t bits, bool is_signed) {
  return TypeOf(type, {.kind = Logical::kInteger, .bits = bits, .is_signed = is_signed});
}

constexpr const char* kMismatch = "its logical type in Parquet does not fit its physical type";

TEST(IcebergType, MapsPlainLeaves) {
  EXPECT_EQ(TypeOf(PhysicalType::kBoolean), "boolean");
  EXPECT_EQ(TypeOf(PhysicalType::kInt32), "int");
  EXPECT_EQ(TypeOf(PhysicalType::kInt64), "long");
  EXPECT_EQ(TypeOf(PhysicalType::kInt96), "timestamp");
  EXPECT_EQ(TypeOf(PhysicalType::kFloat), "float");
  EXPECT_EQ(TypeOf(PhysicalType::kDouble), "double");
  EXPECT_EQ(TypeOf(PhysicalType::kByteArray), "binary");
  EXPECT_EQ(TypeOf(PhysicalType::kFixedLenByteArray, {}, 4), "fixed[4]");
  EXPECT_EQ(TypeOf(PhysicalType::kFixedLenByteArray, {}, 0), kMismatch);
}

TEST(IcebergType, MapsIntegers) {
  for (const int8_t bits : {int8_t{8}, int8_t{16}, int8_t{32}}) {
    EXPECT_EQ(IntegerOf(PhysicalType::kInt32, bits, true), "int");
    EXPECT_EQ(IntegerOf(PhysicalType::kInt64, bits, true), kMismatch);
  }
  EXPECT_EQ(IntegerOf(PhysicalType::kInt64, 64, true), "long");
  EXPECT_EQ(IntegerOf(PhysicalType::kInt32, 64, true), kMismatch);
  EXPECT_EQ(IntegerOf(PhysicalType::kInt32, 8, false), "int");
  EXPECT_EQ(IntegerOf(PhysicalType::kInt32, 16, false), "int");
}

TEST(IcebergType, HidesLargeUnsignedIntegers) {
  EXPECT_EQ(IntegerOf(PhysicalType::kInt32, 32, false),
            "unsigned integers of 32 bits are negative numbers to some Iceberg clients");
  EXPECT_EQ(IntegerOf(PhysicalType::kInt64, 64, false),
            "unsigned integers of 64 bits are negative numbers to some Iceberg clients");
}

TEST(IcebergType, MapsTexts) {
  for (const Logical kind : {Logical::kString, Logical::kEnum, Logical::kJson}) {
    EXPECT_EQ(TypeOf(PhysicalType::kByteArray, {.kind = kind}), "string");
    EXPECT_EQ(TypeOf(PhysicalType::kInt32, {.kind = kind}), kMismatch);
  }
  EXPECT_EQ(TypeOf(PhysicalType::kFixedLenByteArray, {.kind = Logical::kUuid}, 16), "uuid");
  EXPECT_EQ(TypeOf(PhysicalType::kFixedLenByteArray, {.kind = Logical::kUuid}, 15), kMismatch);
}

TEST(IcebergType, MapsDecimals) {
  const auto decimal = [](PhysicalType type, int32_t precision, int32_t scale) {
    return TypeOf(type, {.kind = Logical::kDecimal, .precision = precision, .scale = scale});
  };
  EXPECT_EQ(decimal(PhysicalType::kInt32, 9, 2), "decimal(9, 2)");
  EXPECT_EQ(decimal(PhysicalType::kInt32, 10, 2), kMismatch);
  EXPECT_EQ(decimal(PhysicalType::kInt64, 18, 18), "decimal(18, 18)");
  EXPECT_EQ(decimal(PhysicalType::kInt64, 19, 2), kMismatch);
  EXPECT_EQ(decimal(PhysicalType::kFixedLenByteArray, 38, 0), "decimal(38, 0)");
  EXPECT_EQ(decimal(PhysicalType::kByteArray, 38, 0), "decimal(38, 0)");
  EXPECT_EQ(decimal(PhysicalType::kByteArray, 39, 0),
            "Iceberg has no type for a DECIMAL of more than 38 digits");
  EXPECT_EQ(decimal(PhysicalType::kInt32, 0, 0), kMismatch);
  EXPECT_EQ(decimal(PhysicalType::kInt32, 2, 3), kMismatch);
  EXPECT_EQ(decimal(PhysicalType::kInt32, 2, -1), kMismatch);
  EXPECT_EQ(decimal(PhysicalType::kDouble, 2, 1), kMismatch);
}

TEST(IcebergType, MapsTimes) {
  const auto timestamp = [](TimeUnit unit, bool is_utc) {
    return TypeOf(PhysicalType::kInt64,
                  {.kind = Logical::kTimestamp, .unit = unit, .is_utc = is_utc});
  };
  EXPECT_EQ(TypeOf(PhysicalType::kInt32, {.kind = Logical::kDate}), "date");
  EXPECT_EQ(TypeOf(PhysicalType::kInt64, {.kind = Logical::kDate}), kMismatch);
  EXPECT_EQ(timestamp(TimeUnit::kMillis, false), "timestamp");
  EXPECT_EQ(timestamp(TimeUnit::kMicros, false), "timestamp");
  EXPECT_EQ(timestamp(TimeUnit::kMicros, true), "timestamptz");
  EXPECT_EQ(timestamp(TimeUnit::kUnknown, true), kMismatch);
  EXPECT_EQ(TypeOf(PhysicalType::kInt64, {.kind = Logical::kTimestamp,
                                          .unit = TimeUnit::kMicros,
                                          .is_utc = true,
                                          .is_converted = true}),
            "timestamp");
  EXPECT_EQ(timestamp(TimeUnit::kNanos, false),
            "nanoseconds are rounded or refused by Iceberg clients");
  EXPECT_EQ(TypeOf(PhysicalType::kInt64, {.kind = Logical::kTime, .unit = TimeUnit::kMicros}),
            "Spark refuses tables with a TIME");
}

TEST(IcebergType, HidesOtherTypes) {
  for (const Logical kind : {Logical::kBson, Logical::kFloat16, Logical::kInterval,
                             Logical::kGeometry, Logical::kGeography, Logical::kVariant,
                             Logical::kUnknown, Logical::kOther, Logical::kMap, Logical::kList}) {
    EXPECT_FALSE(ToIcebergType({.type = PhysicalType::kByteArray, .logical = {.kind = kind}}).ok());
  }
}

TEST(IcebergType, PromotesAsReadersDo) {
  using Kind = PrimitiveType::Kind;
  const PrimitiveType narrow{.kind = Kind::kDecimal, .precision = 9, .scale = 2};
  const PrimitiveType wide{.kind = Kind::kDecimal, .precision = 18, .scale = 2};
  const PrimitiveType other_scale{.kind = Kind::kDecimal, .precision = 18, .scale = 3};
  EXPECT_EQ(PromotedType({Kind::kInt}, {Kind::kLong}), PrimitiveType{Kind::kLong});
  EXPECT_EQ(PromotedType({Kind::kLong}, {Kind::kInt}), PrimitiveType{Kind::kLong});
  EXPECT_EQ(PromotedType({Kind::kDouble}, {Kind::kFloat}), PrimitiveType{Kind::kDouble});
  EXPECT_EQ(PromotedType(narrow, wide), wide);
  EXPECT_EQ(PromotedType(wide, narrow), wide);
  EXPECT_EQ(PromotedType(wide, other_scale), std::nullopt);
  EXPECT_EQ(PromotedType({Kind::kInt}, {Kind::kDouble}), std::nullopt);
  EXPECT_EQ(PromotedType({Kind::kDate}, {Kind::kTimestamp}), std::nullopt);
  EXPECT_EQ(PromotedType({Kind::kString}, {Kind::kString}), PrimitiveType{Kind::kString});
}

}  // namespace
}  // namespace tarn::iceberg
