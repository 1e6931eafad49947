#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "duck/types.h"
#include "duck/vector.h"

namespace tarn::duck {

// A value to bind to a parameter. Move-only.
class Value {
 public:
  static Value Null();
  static Value Boolean(bool value);
  static Value Integer(int32_t value);
  static Value Bigint(int64_t value);
  static Value Ubigint(uint64_t value);
  static Value Hugeint(Int128 value);
  static Value Uhugeint(Uint128 value);
  static Value Double(double value);

  // `digits` / 10^scale as DECIMAL(width, scale): at most 38 digits and at most `width`.
  static Result<Value> Decimal(Int128 digits, uint8_t width, uint8_t scale);
  // Must be UTF-8; may contain NUL.
  static Result<Value> Varchar(std::string_view text);

  // LIST(element); values of other types are cast to the element type.
  static Result<Value> List(const ColumnType& element, const std::vector<Value>& values);
  // `type` is a STRUCT with names and as many values; values are cast as in List.
  static Result<Value> Struct(const ColumnType& type, const std::vector<Value>& values);

  Value(Value&& other) noexcept;
  Value& operator=(Value&& other) noexcept;
  ~Value();

 private:
  friend class Statement;
  explicit Value(void* value) : value_(value) {}
  static Result<Value> Checked(void* value, const ColumnType& type);

  void* value_;
};

}  // namespace tarn::duck
