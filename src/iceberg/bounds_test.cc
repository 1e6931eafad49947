#include "iceberg/bounds.h"

#include <gtest/gtest.h>

#include <limits>

#include "iceberg/test_schema.h"

namespace tarn::iceberg {
namespace {

using parquet::Int128;
using parquet::LogicalType;
using parquet::PhysicalType;
using BoundKind = PrimitiveType::Kind;

Int128 Number(int64_t number) {
  return {.high = number < 0 ? -1 : 0, .low = static_cast<uint64_t>(number)};
}

std::optional<Bounds> BoundsOf(int64_t min, int64_t max, const LogicalType& logical,
                               BoundKind kind) {
  return SerializeBounds({Number(min), Number(max)},
                         ParquetLeaf("a", PhysicalType::kInt64, logical), {.kind = kind});
}

// The bytes of a literal with NULs.
template <size_t size>
std::string Bytes(const char (&text)[size]) {
  return std::string(text, size - 1);
}

TEST(Bounds, SerializesIntegersAsLittleEndian) {
  EXPECT_EQ(BoundsOf(-2, 258, {}, BoundKind::kInt),
            (Bounds{Bytes("\xfe\xff\xff\xff"), Bytes("\x02\x01\x00\x00")}));
  EXPECT_EQ(BoundsOf(-2, 258, {.kind = LogicalType::Kind::kDate}, BoundKind::kDate),
            (Bounds{Bytes("\xfe\xff\xff\xff"), Bytes("\x02\x01\x00\x00")}));
}

TEST(Bounds, WidensIntegers) {
  EXPECT_EQ(BoundsOf(-2, 258, {}, BoundKind::kLong),
            (Bounds{Bytes("\xfe\xff\xff\xff\xff\xff\xff\xff"), Bytes("\x02\x01\0\0\0\0\0\0")}));
}

TEST(Bounds, RefusesIntegersBeyondTheirType) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  EXPECT_TRUE(BoundsOf(0, kMost, {}, BoundKind::kInt));
  EXPECT_FALSE(BoundsOf(0, kMost + 1, {}, BoundKind::kInt));
  const LogicalType uint8{.kind = LogicalType::Kind::kInteger, .bits = 8, .is_signed = false};
  EXPECT_TRUE(BoundsOf(0, 255, uint8, BoundKind::kInt));
  EXPECT_FALSE(BoundsOf(0, 256, uint8, BoundKind::kInt));
  EXPECT_FALSE(BoundsOf(-1, 255, uint8, BoundKind::kInt));
  const Int128 large{.high = 1, .low = 0};
  EXPECT_FALSE(SerializeBounds({Number(0), large}, ParquetInt("a"), {.kind = BoundKind::kLong}));
}

TEST(Bounds, ConvertsTimestampsToMicroseconds) {
  const LogicalType millis{.kind = LogicalType::Kind::kTimestamp,
                           .unit = parquet::TimeUnit::kMillis};
  const LogicalType micros{.kind = LogicalType::Kind::kTimestamp,
                           .unit = parquet::TimeUnit::kMicros};
  const Bounds expected{Bytes("\x18\xfc\xff\xff\xff\xff\xff\xff"), Bytes("\xd0\x07\0\0\0\0\0\0")};
  EXPECT_EQ(BoundsOf(-1, 2, millis, BoundKind::kTimestamp), expected);
  EXPECT_EQ(BoundsOf(-1000, 2000, micros, BoundKind::kTimestamptz), expected);
  EXPECT_FALSE(
      BoundsOf(0, std::numeric_limits<int64_t>::max() / 999, millis, BoundKind::kTimestamp));
}

std::string Decimal(const Int128& value) {
  const auto bounds = SerializeBounds({value, value}, ParquetInt("a"),
                                      {.kind = BoundKind::kDecimal, .precision = 38});
  return bounds ? bounds->lower : "none";
}

TEST(Bounds, SerializesDecimalsInTheFewestBytes) {
  EXPECT_EQ(Decimal(Number(0)), Bytes("\x00"));
  EXPECT_EQ(Decimal(Number(127)), Bytes("\x7f"));
  EXPECT_EQ(Decimal(Number(128)), Bytes("\x00\x80"));
  EXPECT_EQ(Decimal(Number(-1)), Bytes("\xff"));
  EXPECT_EQ(Decimal(Number(-128)), Bytes("\x80"));
  EXPECT_EQ(Decimal(Number(-129)), Bytes("\xff\x7f"));
  EXPECT_EQ(Decimal({.high = 1, .low = 2}), Bytes("\x01\0\0\0\0\0\0\0\x02"));
}

TEST(Bounds, HasNoneForOtherTypes) {
  for (const BoundKind kind :
       {BoundKind::kBoolean, BoundKind::kFloat, BoundKind::kDouble, BoundKind::kString,
        BoundKind::kUuid, BoundKind::kFixed, BoundKind::kBinary}) {
    EXPECT_FALSE(BoundsOf(1, 2, {}, kind));
  }
}

}  // namespace
}  // namespace tarn::iceberg
