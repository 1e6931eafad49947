#include "parquet/schema_element.h"

#include <array>
#include <limits>

namespace tarn::parquet {
namespace {

using Field = ThriftReader::Field;
using Kind = LogicalType::Kind;
using enum ThriftReader::Wire;

// Fields of parquet.thrift.
constexpr int64_t kElementType = 1;
constexpr int64_t kElementTypeLength = 2;
constexpr int64_t kElementRepetition = 3;
constexpr int64_t kElementName = 4;
constexpr int64_t kElementChildren = 5;
constexpr int64_t kElementConvertedType = 6;
constexpr int64_t kElementScale = 7;
constexpr int64_t kElementPrecision = 8;
constexpr int64_t kElementFieldId = 9;
constexpr int64_t kElementLogicalType = 10;

LogicalType IntegerType(int8_t bits, bool is_signed) {
  return {.kind = Kind::kInteger, .bits = bits, .is_signed = is_signed};
}

LogicalType TimeType(Kind kind, TimeUnit unit) {
  return {.kind = kind, .unit = unit, .is_utc = true};
}

// The logical type that equals a ConvertedType; the index is its value in parquet.thrift.
LogicalType FromConvertedType(int64_t converted) {
  static const std::array<LogicalType, 22> kTypes = {{
      {.kind = Kind::kString},
      {.kind = Kind::kMap},
      {.kind = Kind::kMap},  // MAP_KEY_VALUE, which old writers used for MAP.
      {.kind = Kind::kList},
      {.kind = Kind::kEnum},
      {.kind = Kind::kDecimal},
      {.kind = Kind::kDate},
      TimeType(Kind::kTime, TimeUnit::kMillis),
      TimeType(Kind::kTime, TimeUnit::kMicros),
      TimeType(Kind::kTimestamp, TimeUnit::kMillis),
      TimeType(Kind::kTimestamp, TimeUnit::kMicros),
      IntegerType(8, false),
      IntegerType(16, false),
      IntegerType(32, false),
      IntegerType(64, false),
      IntegerType(8, true),
      IntegerType(16, true),
      IntegerType(32, true),
      IntegerType(64, true),
      {.kind = Kind::kJson},
      {.kind = Kind::kBson},
      {.kind = Kind::kInterval},
  }};
  if (converted < 0 || converted >= static_cast<int64_t>(kTypes.size())) {
    return {.kind = Kind::kOther};
  }
  return kTypes[static_cast<size_t>(converted)];
}

// The kind of a field of the union LogicalType.
Kind KindOfField(int64_t id) {
  constexpr std::array<Kind, 19> kKinds = {
      Kind::kOther,   Kind::kString,  Kind::kMap,      Kind::kList,      Kind::kEnum,
      Kind::kDecimal, Kind::kDate,    Kind::kTime,     Kind::kTimestamp, Kind::kOther,
      Kind::kInteger, Kind::kUnknown, Kind::kJson,     Kind::kBson,      Kind::kUuid,
      Kind::kFloat16, Kind::kVariant, Kind::kGeometry, Kind::kGeography,
  };
  const bool is_known = id > 0 && id < static_cast<int64_t>(kKinds.size());
  return is_known ? kKinds[static_cast<size_t>(id)] : Kind::kOther;
}

// True if the number is a valid int32; sets `out`.
bool ToInt32(int64_t number, int32_t& out) {
  if (number < std::numeric_limits<int32_t>::min() || number > std::numeric_limits<int32_t>::max())
    return false;
  out = static_cast<int32_t>(number);
  return true;
}

// The union TimeUnit: the field that is set is the unit.
TimeUnit ReadTimeUnit(ThriftReader& reader) {
  TimeUnit unit = TimeUnit::kUnknown;
  for (Field field; reader.NextField(field);) {
    unit = field.id == 1   ? TimeUnit::kMillis
           : field.id == 2 ? TimeUnit::kMicros
           : field.id == 3 ? TimeUnit::kNanos
                           : TimeUnit::kUnknown;
    reader.Skip(field.type);
  }
  return unit;
}

// Reads a DecimalType, TimeType, TimestampType or IntType into `logical`. The other structs of the
// union have no fields that matter here.
bool ReadTypeParameters(ThriftReader& reader, LogicalType& logical) {
  const bool is_time = logical.kind == Kind::kTime || logical.kind == Kind::kTimestamp;
  bool is_valid = true;
  for (Field field; reader.NextField(field);) {
    const bool is_bool = field.type == kTrue || field.type == kFalse;
    if (logical.kind == Kind::kDecimal && field.type == kI32 && (field.id == 1 || field.id == 2)) {
      int32_t& number = field.id == 1 ? logical.scale : logical.precision;
      is_valid = ToInt32(reader.ReadSigned(), number) && is_valid;
    } else if (is_time && field.id == 1 && is_bool) {
      logical.is_utc = field.type == kTrue;
    } else if (is_time && field.id == 2 && field.type == kStruct) {
      logical.unit = ReadTimeUnit(reader);
    } else if (logical.kind == Kind::kInteger && field.id == 1 && field.type == kByte) {
      logical.bits = reader.ReadI8();
    } else if (logical.kind == Kind::kInteger && field.id == 2 && is_bool) {
      logical.is_signed = field.type == kTrue;
    } else {
      reader.Skip(field.type);
    }
  }
  return is_valid;
}

// LogicalType is a union: the field that is set is the type.
bool ReadLogicalType(ThriftReader& reader, std::optional<LogicalType>& logical) {
  bool is_valid = true;
  logical = LogicalType{.kind = Kind::kOther};
  for (Field field; reader.NextField(field);) {
    logical = LogicalType{.kind = KindOfField(field.id)};
    if (field.type == kStruct) {
      is_valid = ReadTypeParameters(reader, *logical) && is_valid;
    } else {
      reader.Skip(field.type);
    }
  }
  return is_valid;
}

// The fields of a SchemaElement that depend on each other.
struct RawElement {
  SchemaElement element;
  bool has_name = false;
  std::optional<LogicalType> logical;
  std::optional<LogicalType> converted;
  int32_t scale = 0;
  int32_t precision = 0;
};

bool SetNumber(int64_t id, int64_t number, RawElement& raw) {
  SchemaElement& element = raw.element;
  switch (id) {
    case kElementType:
      if (number < 0 || number > static_cast<int64_t>(PhysicalType::kFixedLenByteArray)) {
        return false;
      }
      element.type = static_cast<PhysicalType>(number);
      return true;
    case kElementTypeLength:
      return ToInt32(number, element.type_length);
    case kElementRepetition:
      if (number < 0 || number > static_cast<int64_t>(Repetition::kRepeated)) return false;
      element.repetition = static_cast<Repetition>(number);
      return true;
    case kElementChildren:
      if (number < 0 || number > std::numeric_limits<int32_t>::max()) return false;
      element.children = static_cast<uint32_t>(number);
      return true;
    case kElementConvertedType:
      raw.converted = FromConvertedType(number);
      return true;
    case kElementScale:
      return ToInt32(number, raw.scale);
    case kElementPrecision:
      return ToInt32(number, raw.precision);
    case kElementFieldId:
      element.has_field_id = true;
      return true;
    default:
      return true;
  }
}

}  // namespace

std::optional<SchemaElement> ReadSchemaElement(ThriftReader& reader) {
  RawElement raw;
  bool is_valid = true;
  for (Field field; reader.NextField(field);) {
    if (field.type == kI32) {
      is_valid = SetNumber(field.id, reader.ReadSigned(), raw) && is_valid;
    } else if (field.id == kElementName && field.type == kBinary) {
      raw.element.name = reader.ReadBinary();
      raw.has_name = true;
    } else if (field.id == kElementLogicalType && field.type == kStruct) {
      is_valid = ReadLogicalType(reader, raw.logical) && is_valid;
    } else {
      reader.Skip(field.type);
    }
  }
  if (reader.failed() || !is_valid || !raw.has_name) return std::nullopt;
  if (raw.converted && raw.converted->kind == Kind::kDecimal) {
    raw.converted->scale = raw.scale;
    raw.converted->precision = raw.precision;
  }
  if (raw.logical) {
    raw.element.logical = *raw.logical;
  } else if (raw.converted) {
    raw.element.logical = *raw.converted;
    raw.element.logical.is_converted = true;
  }
  if (raw.element.children > 0) raw.element.type.reset();
  return std::move(raw.element);
}

}  // namespace tarn::parquet
