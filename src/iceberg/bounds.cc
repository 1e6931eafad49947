#include "iceberg/bounds.h"

#include <cstring>
#include <limits>

namespace tarn::iceberg {
namespace {

using parquet::Int128;

template <class Number>
std::string LittleEndian(Number number) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));  // As are all supported machines.
  return bytes;
}

std::optional<int64_t> ToInt64(const Int128& value) {
  const auto low = static_cast<int64_t>(value.low);
  if (value.high != (low < 0 ? -1 : 0)) return std::nullopt;
  return low;
}

// The least number of bytes that keep the sign.
std::string BigEndian(const Int128& value) {
  std::string bytes;
  for (unsigned shift = 64; shift > 0; shift -= 8) {
    bytes += static_cast<char>(static_cast<uint64_t>(value.high) >> (shift - 8));
  }
  for (unsigned shift = 64; shift > 0; shift -= 8) {
    bytes += static_cast<char>(value.low >> (shift - 8));
  }
  const char sign = value.high < 0 ? '\xff' : '\0';
  size_t skipped = 0;
  // The next byte must have the same sign bit.
  while (skipped + 1 < bytes.size() && bytes[skipped] == sign &&
         (static_cast<uint8_t>(bytes[skipped + 1]) & 0x80U) ==
             (static_cast<uint8_t>(sign) & 0x80U)) {
    ++skipped;
  }
  return bytes.substr(skipped);
}

std::optional<std::string> SerializeInt(int64_t value, const parquet::LogicalType& logical) {
  // Unsigned values of at most 16 bits.
  const bool is_unsigned =
      logical.kind == parquet::LogicalType::Kind::kInteger && !logical.is_signed;
  const int64_t min = is_unsigned ? 0 : std::numeric_limits<int32_t>::min();
  const int64_t max = is_unsigned ? (int64_t{1} << static_cast<unsigned>(logical.bits)) - 1
                                  : std::numeric_limits<int32_t>::max();
  if (value < min || value > max) return std::nullopt;
  return LittleEndian(static_cast<int32_t>(value));
}

std::optional<std::string> SerializeMicros(int64_t value, parquet::TimeUnit unit) {
  constexpr int64_t kMicrosPerMilli = 1000;
  int64_t micros = value;
  if (unit == parquet::TimeUnit::kMillis &&
      __builtin_mul_overflow(value, kMicrosPerMilli, &micros)) {
    return std::nullopt;
  }
  return LittleEndian(micros);
}

std::optional<std::string> SerializeValue(const Int128& value, const parquet::SchemaElement& leaf,
                                          PrimitiveType::Kind kind) {
  using Kind = PrimitiveType::Kind;
  if (kind == Kind::kDecimal) return BigEndian(value);
  const std::optional<int64_t> number = ToInt64(value);
  if (!number) return std::nullopt;
  switch (kind) {
    case Kind::kInt:
    case Kind::kDate:
      return SerializeInt(*number, leaf.logical);
    case Kind::kLong:
      return LittleEndian(*number);
    case Kind::kTimestamp:
    case Kind::kTimestamptz:
      return SerializeMicros(*number, leaf.logical.unit);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Bounds> SerializeBounds(const parquet::ValueRange& range,
                                      const parquet::SchemaElement& leaf,
                                      const PrimitiveType& type) {
  std::optional<std::string> lower = SerializeValue(range.min, leaf, type.kind);
  std::optional<std::string> upper = SerializeValue(range.max, leaf, type.kind);
  if (!lower || !upper) return std::nullopt;
  return Bounds{*lower, *upper};
}

}  // namespace tarn::iceberg
