#include "result/arrow_type.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tarn::result {
namespace {

using TypePtr = std::shared_ptr<arrow::DataType>;
using duck::ColumnType;
using duck::TypeId;

// Arrow C++ does not read types with more than 64 nested levels. A map has two levels.
constexpr int kNestingMax = 30;

// Returns false for types that become text, because Arrow has no exact type for them: integers of
// 128 bits and more, TIME WITH TIME ZONE, INTERVAL (Arrow's interval counts nanoseconds in 64
// bits), BIT of any length, and UNION (a null in Arrow's union belongs to one of its types).
bool HoldsExactly(const ColumnType& type, int depth) {
  switch (type.id) {
    case TypeId::kUnknown:
    case TypeId::kHugeint:
    case TypeId::kUhugeint:
    case TypeId::kBignum:
    case TypeId::kBit:
    case TypeId::kUuid:
    case TypeId::kTimeTz:
    case TypeId::kInterval:
    case TypeId::kUnion:
    case TypeId::kVariant:
      return false;
    default:
      return depth <= kNestingMax &&
             std::all_of(type.children.begin(), type.children.end(),
                         [&](const ColumnType& child) { return HoldsExactly(child, depth + 1); });
  }
}

TypePtr NativeType(const ColumnType& type);

TypePtr EnumType(TypeId storage) {
  switch (storage) {
    case TypeId::kUtinyint:
      return arrow::dictionary(arrow::uint8(), arrow::utf8());
    case TypeId::kUsmallint:
      return arrow::dictionary(arrow::uint16(), arrow::utf8());
    default:
      return arrow::dictionary(arrow::uint32(), arrow::utf8());
  }
}

TypePtr StructType(const ColumnType& type) {
  arrow::FieldVector fields;
  for (size_t i = 0; i < type.children.size(); ++i) {
    // The fields of row(1, 'a') have no names. Their names are their numbers, from 1 as in SQL.
    std::string name = type.names[i].empty() ? std::to_string(i + 1) : type.names[i];
    fields.push_back(arrow::field(std::move(name), NativeType(type.children[i])));
  }
  return arrow::struct_(fields);
}

TypePtr NativeType(const ColumnType& type) {
  switch (type.id) {
    case TypeId::kNull:
      return arrow::null();
    case TypeId::kBoolean:
      return arrow::boolean();
    case TypeId::kTinyint:
      return arrow::int8();
    case TypeId::kSmallint:
      return arrow::int16();
    case TypeId::kInteger:
      return arrow::int32();
    case TypeId::kBigint:
      return arrow::int64();
    case TypeId::kUtinyint:
      return arrow::uint8();
    case TypeId::kUsmallint:
      return arrow::uint16();
    case TypeId::kUinteger:
      return arrow::uint32();
    case TypeId::kUbigint:
      return arrow::uint64();
    case TypeId::kFloat:
      return arrow::float32();
    case TypeId::kDouble:
      return arrow::float64();
    case TypeId::kDecimal:
      return arrow::decimal128(type.width, type.scale);
    case TypeId::kBlob:
    case TypeId::kGeometry:
      return arrow::binary();
    case TypeId::kEnum:
      return EnumType(type.storage);
    case TypeId::kDate:
      return arrow::date32();
    case TypeId::kTime:
      return arrow::time64(arrow::TimeUnit::MICRO);
    case TypeId::kTimeNs:
      return arrow::time64(arrow::TimeUnit::NANO);
    case TypeId::kTimestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO);
    case TypeId::kTimestampS:
      return arrow::timestamp(arrow::TimeUnit::SECOND);
    case TypeId::kTimestampMs:
      return arrow::timestamp(arrow::TimeUnit::MILLI);
    case TypeId::kTimestampNs:
      return arrow::timestamp(arrow::TimeUnit::NANO);
    case TypeId::kTimestampTz:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case TypeId::kList:
      return arrow::list(NativeType(type.children[0]));
    case TypeId::kArray:
      return arrow::fixed_size_list(NativeType(type.children[0]),
                                    static_cast<int32_t>(type.array_size));
    case TypeId::kStruct:
      return StructType(type);
    case TypeId::kMap:
      return arrow::map(NativeType(type.children[0]), NativeType(type.children[1]));
    default:
      return arrow::utf8();
  }
}

}  // namespace

std::shared_ptr<arrow::DataType> ToArrowType(const ColumnType& type) {
  return HoldsExactly(type, 0) ? NativeType(type) : arrow::utf8();
}

}  // namespace tarn::result
