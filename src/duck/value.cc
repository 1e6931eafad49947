#include "duck/value.h"

#include <duckdb.h>
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "base/text.h"
#include "duck/type_reader.h"

namespace tarn::duck {
namespace {

constexpr uint8_t kDecimalWidthMax = 38;

duckdb_value ToValue(void* p) { return static_cast<duckdb_value>(p); }

duckdb_hugeint ToHugeint(Int128 value) {
  return {static_cast<uint64_t>(value), static_cast<int64_t>(value >> 64)};
}

// The logical type for a ColumnType that values can have.
duckdb_logical_type CreateType(const ColumnType& type) {
  const auto child = [&](size_t i) {
    return std::make_unique<LogicalType>(CreateType(type.children[i]));
  };
  switch (type.id) {
    case TypeId::kNull:
      return duckdb_create_logical_type(DUCKDB_TYPE_SQLNULL);
    case TypeId::kBoolean:
      return duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
    case TypeId::kInteger:
      return duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
    case TypeId::kBigint:
      return duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    case TypeId::kUbigint:
      return duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT);
    case TypeId::kHugeint:
      return duckdb_create_logical_type(DUCKDB_TYPE_HUGEINT);
    case TypeId::kUhugeint:
      return duckdb_create_logical_type(DUCKDB_TYPE_UHUGEINT);
    case TypeId::kDouble:
      return duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
    case TypeId::kDecimal:
      return duckdb_create_decimal_type(type.width, type.scale);
    case TypeId::kVarchar:
      return duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    case TypeId::kList:
      return duckdb_create_list_type(child(0)->get());
    case TypeId::kStruct: {
      std::vector<std::unique_ptr<LogicalType>> owners;
      std::vector<duckdb_logical_type> types;
      std::vector<const char*> names;
      for (size_t i = 0; i < type.children.size(); ++i) {
        owners.push_back(child(i));
        types.push_back(owners.back()->get());
        names.push_back(type.names[i].c_str());
      }
      return duckdb_create_struct_type(types.data(), names.data(), types.size());
    }
    default:
      return nullptr;
  }
}

}  // namespace

Value Value::Null() { return Value(duckdb_create_null_value()); }
Value Value::Boolean(bool value) { return Value(duckdb_create_bool(value)); }
Value Value::Integer(int32_t value) { return Value(duckdb_create_int32(value)); }
Value Value::Bigint(int64_t value) { return Value(duckdb_create_int64(value)); }
Value Value::Ubigint(uint64_t value) { return Value(duckdb_create_uint64(value)); }
Value Value::Hugeint(Int128 value) { return Value(duckdb_create_hugeint(ToHugeint(value))); }
Value Value::Uhugeint(Uint128 value) {
  return Value(
      duckdb_create_uhugeint({static_cast<uint64_t>(value), static_cast<uint64_t>(value >> 64)}));
}
Value Value::Double(double value) { return Value(duckdb_create_double(value)); }

Result<Value> Value::Decimal(Int128 digits, uint8_t width, uint8_t scale) {
  if (width == 0 || width > kDecimalWidthMax || scale > width) {
    return InvalidArgument(fmt::format("there is no DECIMAL({},{})", width, scale));
  }
  // DuckDB accepts a value that does not fit, and computes with it.
  Int128 bound = 1;
  for (uint8_t i = 0; i < width; ++i) bound *= 10;
  if (digits >= bound || digits <= -bound) {
    return InvalidArgument(
        fmt::format("the number does not fit into DECIMAL({},{})", width, scale));
  }
  return Value(duckdb_create_decimal({width, scale, ToHugeint(digits)}));
}

Result<Value> Value::Varchar(std::string_view text) {
  // DuckDB converts text that is not UTF-8 to null, and crashes when that null is bound.
  if (!IsValidUtf8(text)) return InvalidArgument("the text is not UTF-8");
  return Checked(duckdb_create_varchar_length(text.data(), text.size()), {.id = TypeId::kVarchar});
}

Result<Value> Value::List(const ColumnType& element, const std::vector<Value>& values) {
  const LogicalType type(CreateType(element));
  std::vector<duckdb_value> handles;
  // DuckDB requires a pointer even for an empty list.
  handles.reserve(values.size() + 1);
  for (const Value& value : values) handles.push_back(ToValue(value.value_));
  return Checked(duckdb_create_list_value(type.get(), handles.data(), handles.size()),
                 {.id = TypeId::kList, .children = {element}});
}

Result<Value> Value::Struct(const ColumnType& type, const std::vector<Value>& values) {
  if (type.children.empty() || values.size() != type.children.size()) {
    return InvalidArgument("a STRUCT needs fields and a value for each");
  }
  const LogicalType handle(CreateType(type));
  std::vector<duckdb_value> handles;
  handles.reserve(values.size());
  for (const Value& value : values) handles.push_back(ToValue(value.value_));
  return Checked(duckdb_create_struct_value(handle.get(), handles.data()), type);
}

Result<Value> Value::Checked(void* value, const ColumnType& type) {
  if (value == nullptr) {
    return InvalidArgument(fmt::format("the value cannot be {}", TypeName(type)));
  }
  return Value(value);
}

Value::Value(Value&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}

Value& Value::operator=(Value&& other) noexcept {
  std::swap(value_, other.value_);
  return *this;
}

Value::~Value() {
  duckdb_value value = ToValue(value_);
  if (value != nullptr) duckdb_destroy_value(&value);
}

}  // namespace tarn::duck
