#include "engine/run/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "base/exact_json.h"
#include "base/text.h"

namespace tarn::engine {
namespace {

using duck::ColumnType;
using duck::Int128;
using duck::TypeId;
using duck::Uint128;
using duck::Value;
using Kind = ExactJson::Kind;

constexpr int kDecimalDigitsMax = 38;
constexpr size_t kShownBytesMax = 64;

Error ParamsError(std::string_view why) { return InvalidArgument(fmt::format("params: {}", why)); }

// --- Types ------------------------------------------------------------------------------

// The properties of a number that determine its type.
struct NumberShape {
  bool is_double = false;
  bool has_fraction = false;
  int before = 0;                     // Digits before the point, without leading zeros.
  int after = 0;                      // Digits after the point.
  TypeId integer = TypeId::kInteger;  // The type of a number without a fraction.
};

// The properties of a value that determine its type.
struct Shape {
  TypeId id = TypeId::kNull;  // kDouble for any number.
  NumberShape number;
  std::vector<Shape> children;     // LIST: one. STRUCT: the fields.
  std::vector<std::string> names;  // STRUCT
};

// An integer of up to 128 bits and its sign.
struct Magnitude {
  bool negative;
  Uint128 digits;
};
std::optional<Magnitude> ReadInteger(std::string_view text) {
  Magnitude out{text.starts_with('-'), 0};
  if (out.negative) text.remove_prefix(1);
  for (const char c : text) {
    const auto digit = static_cast<unsigned>(c - '0');
    if (out.digits > (~Uint128{0} - digit) / 10) return std::nullopt;
    out.digits = out.digits * 10 + digit;
  }
  return out;
}

// Returns the type of an integer literal in DuckDB, or kDouble if it fits no integer type.
TypeId IntegerType(std::string_view text) {
  const std::optional<Magnitude> integer = ReadInteger(text);
  if (!integer) return TypeId::kDouble;
  // The negative range has one more number.
  const auto fits = [&](int bits) {
    return integer->digits < (Uint128{1} << (bits - 1)) + (integer->negative ? 1 : 0);
  };
  if (fits(32)) return TypeId::kInteger;
  if (fits(64)) return TypeId::kBigint;
  if (fits(128)) return TypeId::kHugeint;
  return integer->negative ? TypeId::kDouble : TypeId::kUhugeint;
}

NumberShape ShapeOfNumber(std::string_view text) {
  NumberShape shape;
  if (text.find_first_of("eE") != std::string_view::npos) return {.is_double = true};
  std::string_view digits = text;
  if (digits.starts_with('-')) digits.remove_prefix(1);
  const size_t point = digits.find('.');
  const std::string_view before = digits.substr(0, point);
  // DuckDB also counts the zero of 0.5, but the width does not change the value.
  shape.before = before == "0" ? 0 : static_cast<int>(std::min<size_t>(before.size(), 1000));
  if (point == std::string_view::npos) {
    shape.integer = IntegerType(text);
    shape.is_double = shape.integer == TypeId::kDouble;
  } else {
    shape.has_fraction = true;
    shape.after = static_cast<int>(std::min<size_t>(digits.size() - point - 1, 1000));
    shape.is_double = shape.before + shape.after > kDecimalDigitsMax;
  }
  return shape;
}

std::string_view NameOf(TypeId id) {
  switch (id) {
    case TypeId::kBoolean:
      return "a boolean";
    case TypeId::kDouble:
      return "a number";
    case TypeId::kVarchar:
      return "a text";
    case TypeId::kList:
      return "a list";
    case TypeId::kStruct:
      return "an object";
    default:
      return "null";
  }
}

NumberShape UnifyNumbers(const NumberShape& a, const NumberShape& b) {
  NumberShape both;
  both.has_fraction = a.has_fraction || b.has_fraction;
  both.before = std::max(a.before, b.before);
  both.after = std::max(a.after, b.after);
  // The enumerators of the four integer types are in the order of their sizes.
  both.integer = std::max(a.integer, b.integer);
  both.is_double = a.is_double || b.is_double ||
                   (both.has_fraction && both.before + both.after > kDecimalDigitsMax);
  return both;
}

Result<Shape> Unify(Shape a, Shape b) {
  if (a.id == TypeId::kNull) return b;
  if (b.id == TypeId::kNull) return a;
  if (a.id != b.id) {
    return InvalidArgument(fmt::format("a list has {} and {}: its elements must have one type",
                                       NameOf(a.id), NameOf(b.id)));
  }
  if (a.id == TypeId::kDouble) a.number = UnifyNumbers(a.number, b.number);
  if (a.id == TypeId::kList) {
    TARN_TRY(a.children[0], Unify(std::move(a.children[0]), std::move(b.children[0])));
  }
  if (a.id == TypeId::kStruct) {
    for (size_t i = 0; i < b.names.size(); ++i) {
      const auto found = std::find_if(a.names.begin(), a.names.end(), [&](const auto& name) {
        return EqualsIgnoreCase(name, b.names[i]);
      });
      if (found == a.names.end()) {
        a.names.push_back(std::move(b.names[i]));
        a.children.push_back(std::move(b.children[i]));
      } else if (*found != b.names[i]) {
        return InvalidArgument(
            fmt::format("the objects of a list name a field \"{}\" and \"{}\": use one spelling",
                        *found, b.names[i]));
      } else {
        Shape& field = a.children[static_cast<size_t>(found - a.names.begin())];
        TARN_TRY(field, Unify(std::move(field), std::move(b.children[i])));
      }
    }
  }
  return a;
}

Result<Shape> ShapeOf(const ExactJson& json);

Result<Shape> ShapeOfObject(const ExactJson& json) {
  if (json.items.empty()) return InvalidArgument("an empty object has no type in SQL: use null");
  Shape shape{.id = TypeId::kStruct};
  std::vector<std::string> lower;
  for (size_t i = 0; i < json.items.size(); ++i) {
    const std::string& name = json.names[i];
    if (name.empty() || name.find('\0') != std::string::npos) {
      return InvalidArgument("a name in an object is empty or has a NUL character");
    }
    lower.push_back(ToLowerAscii(name));
    TARN_TRY(Shape field, ShapeOf(json.items[i]));
    shape.names.push_back(name);
    shape.children.push_back(std::move(field));
  }
  std::sort(lower.begin(), lower.end());
  const auto twice = std::adjacent_find(lower.begin(), lower.end());
  if (twice != lower.end()) {
    return InvalidArgument(
        fmt::format("an object names \"{}\" twice: SQL ignores the case of names", *twice));
  }
  return shape;
}

Result<Shape> ShapeOf(const ExactJson& json) {
  switch (json.kind) {
    case Kind::kNull:
      return Shape{};
    case Kind::kBool:
      return Shape{.id = TypeId::kBoolean};
    case Kind::kText:
      return Shape{.id = TypeId::kVarchar};
    case Kind::kNumber:
      return Shape{.id = TypeId::kDouble, .number = ShapeOfNumber(json.text)};
    case Kind::kObject:
      return ShapeOfObject(json);
    case Kind::kList:
      break;
  }
  Shape element;
  for (const ExactJson& item : json.items) {
    TARN_TRY(Shape shape, ShapeOf(item));
    TARN_TRY(element, Unify(std::move(element), std::move(shape)));
  }
  Shape list{.id = TypeId::kList};
  list.children.push_back(std::move(element));
  return list;
}

ColumnType TypeOf(const Shape& shape) {
  const NumberShape& number = shape.number;
  ColumnType type{.id = shape.id};
  if (shape.id == TypeId::kDouble && !number.is_double) {
    type.id = number.has_fraction ? TypeId::kDecimal : number.integer;
    if (number.has_fraction) {
      // A zero before the point counts as a digit if the width has room for it.
      type.scale = static_cast<uint8_t>(number.after);
      type.width = static_cast<uint8_t>(
          std::min(std::max(number.before, 1) + number.after, kDecimalDigitsMax));
    }
  }
  for (const Shape& child : shape.children) type.children.push_back(TypeOf(child));
  type.names = shape.names;
  return type;
}

// --- Values -----------------------------------------------------------------------------

Result<Value> MakeNumber(const std::string& text, const ColumnType& type) {
  if (type.id == TypeId::kDouble) {
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return Value::Double(value);
  }
  // The digits of a decimal, padded to its scale, are an integer.
  std::string digits = text;
  if (type.id == TypeId::kDecimal) {
    const size_t point = digits.find('.');
    const size_t after = point == std::string::npos ? 0 : digits.size() - point - 1;
    if (point != std::string::npos) digits.erase(point, 1);
    digits.append(type.scale - after, '0');
  }
  const std::optional<Magnitude> integer = ReadInteger(digits);
  if (!integer) return Internal("a number has more digits than its type");
  if (type.id == TypeId::kUhugeint) return Value::Uhugeint(integer->digits);
  const auto value =
      static_cast<Int128>(integer->negative ? Uint128{0} - integer->digits : integer->digits);
  switch (type.id) {
    case TypeId::kInteger:
      return Value::Integer(static_cast<int32_t>(value));
    case TypeId::kBigint:
      return Value::Bigint(static_cast<int64_t>(value));
    case TypeId::kHugeint:
      return Value::Hugeint(value);
    default:
      return Value::Decimal(value, type.width, type.scale);
  }
}

Result<Value> Make(const ExactJson& json, const ColumnType& type) {
  switch (json.kind) {
    case Kind::kNull:
      return Value::Null();
    case Kind::kBool:
      return Value::Boolean(json.boolean);
    case Kind::kText:
      return Value::Varchar(json.text);
    case Kind::kNumber:
      return MakeNumber(json.text, type);
    case Kind::kList: {
      std::vector<Value> values;
      for (const ExactJson& item : json.items) {
        TARN_TRY(Value value, Make(item, type.children[0]));
        values.push_back(std::move(value));
      }
      return Value::List(type.children[0], values);
    }
    case Kind::kObject:
      break;
  }
  std::vector<Value> values;
  for (size_t i = 0; i < type.names.size(); ++i) {
    const ExactJson* item = json.Find(type.names[i]);
    if (item == nullptr) {
      values.push_back(Value::Null());
      continue;
    }
    TARN_TRY(Value value, Make(*item, type.children[i]));
    values.push_back(std::move(value));
  }
  return Value::Struct(type, values);
}

// --- Parameters -------------------------------------------------------------------------

bool IsNumber(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Returns the names of the statement's parameters in the order of their positions.
Result<std::vector<std::string>> ReadNames(const duck::Statement& statement) {
  std::vector<std::string> names;
  for (uint64_t position = 1; position <= statement.parameter_count(); ++position) {
    std::optional<std::string> name = statement.ParameterName(position);
    // DuckDB cannot bind the parameters after a gap in the numbers.
    if (!name) {
      return ParamsError(
          fmt::format("${} is missing in the statement, which uses higher numbers", position));
    }
    names.push_back(std::move(*name));
  }
  return names;
}

Result<> BindOne(duck::Statement& statement, uint64_t position, std::string_view name,
                 const ExactJson& json) {
  const auto bind = [&]() -> Result<> {
    TARN_TRY(const Shape shape, ShapeOf(json));
    TARN_TRY(const Value value, Make(json, TypeOf(shape)));
    return statement.Bind(position, value);
  };
  const Result<> bound = bind();
  if (!bound.ok()) return bound.error().Wrap(fmt::format("params: ${}", name));
  return {};
}

Result<> BindList(duck::Statement& statement, const std::vector<std::string>& names,
                  const std::vector<ExactJson>& values) {
  if (!names.empty() && !IsNumber(names[0])) {
    return ParamsError("the statement takes named parameters: send an object");
  }
  if (values.size() != names.size()) {
    return ParamsError(
        fmt::format("{} given, the statement takes {}", values.size(), names.size()));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    TARN_CHECK_OK(BindOne(statement, i + 1, names[i], values[i]));
  }
  return {};
}

// Binds parameters by name. DuckDB ignores the case of these names.
Result<> BindObject(duck::Statement& statement, const std::vector<std::string>& names,
                    const ExactJson& object) {
  if (!names.empty() && IsNumber(names[0])) {
    return ParamsError("the statement takes parameters by position: send a list");
  }
  std::vector<const ExactJson*> values(names.size(), nullptr);
  for (size_t i = 0; i < object.items.size(); ++i) {
    const std::string& given = object.names[i];
    const auto found = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
      return EqualsIgnoreCase(name, given);
    });
    const std::string_view shown = std::string_view(given).substr(0, kShownBytesMax);
    if (found == names.end()) {
      return ParamsError(fmt::format("${} is not in the statement", ToValidUtf8(shown)));
    }
    const ExactJson*& value = values[static_cast<size_t>(found - names.begin())];
    if (value != nullptr) return ParamsError(fmt::format("${} is given twice", shown));
    value = &object.items[i];
  }
  std::string missing;
  for (size_t i = 0; i < names.size(); ++i) {
    if (values[i] == nullptr) missing += (missing.empty() ? "$" : ", $") + names[i];
  }
  if (!missing.empty()) {
    return ParamsError(missing + (missing.find(',') == std::string::npos ? " is" : " are") +
                       " missing");
  }
  for (size_t i = 0; i < names.size(); ++i) {
    TARN_CHECK_OK(BindOne(statement, i + 1, names[i], *values[i]));
  }
  return {};
}

}  // namespace

Result<> BindParameters(duck::Statement& statement, const std::string& params_json) {
  TARN_CHECK_OK(statement.ClearBindings());
  ExactJson params;
  if (!params_json.empty()) {
    Result<ExactJson> parsed = ParseExactJson(params_json);
    if (!parsed.ok()) return parsed.error().Wrap("params");
    params = std::move(*parsed);
  }
  TARN_TRY(const std::vector<std::string> names, ReadNames(statement));
  switch (params.kind) {
    case Kind::kNull:
      return names.empty() || IsNumber(names[0]) ? BindList(statement, names, {})
                                                 : BindObject(statement, names, {});
    case Kind::kList:
      return BindList(statement, names, params.items);
    case Kind::kObject:
      return BindObject(statement, names, params);
    default:
      return ParamsError("must be a list, or an object with the parameters' names");
  }
}

}  // namespace tarn::engine
