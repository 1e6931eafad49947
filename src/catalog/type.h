#pragma once

// Types of columns as values, and the rules for which type holds the values of two.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::catalog {

// The type of a column that has no type of its own: all its values are null. A Parquet column of
// the logical type UNKNOWN, which pyarrow writes for a column of nulls.
inline constexpr std::string_view kUntyped = "\"NULL\"";

// A type, read from its name in DuckDB's notation: "DECIMAL(18,2)", "STRUCT(a INTEGER)[]".
struct Type {
  enum class Kind : uint8_t { kScalar, kDecimal, kList, kArray, kStruct, kMap };

  Kind kind = Kind::kScalar;
  // kScalar: the name, without aliases and in upper case ("BIGINT", "ENUM('a', 'b')"). A text that
  // is not a type is a scalar of that name.
  std::string name;
  int digits = 0;                        // kDecimal
  int scale = 0;                         // kDecimal
  uint64_t size = 0;                     // kArray
  std::vector<std::string> field_names;  // kStruct; in double quotes where the text has them
  // kList and kArray: the element. kMap: the key and the value. kStruct: the fields' types.
  std::vector<Type> children;

  bool operator==(const Type&) const = default;
  bool IsUntyped() const { return kind == Kind::kScalar && name == kUntyped; }
};

// Spaces, the case of letters outside quotes, and DuckDB's aliases (INT, TEXT) do not matter.
// https://duckdb.org/docs/stable/sql/data_types/overview
Type ParseType(std::string_view text);

// In DuckDB's notation. ParseType reads it back.
std::string TypeText(const Type& type);

// The name of a struct field without its double quotes.
std::string UnquotedName(std::string_view name);

// The index of a struct field, without regard to ASCII case and quotes, or nothing.
std::optional<size_t> FindField(const Type& type, const std::string& name);

// True if `after` holds every value of `before` unchanged. Struct fields are compared by name,
// without regard to ASCII case; fields that only one of the two has do not count.
bool IsWidening(const Type& before, const Type& after);

// Where two types have no common type.
struct TypeConflict {
  std::string path;  // The struct fields on the way, each after a dot: ".a.b"; may be empty.
  Type first;
  Type second;
};

// The narrowest type that holds every value of both unchanged. Structs have the fields of both,
// in the order of `first` and then `second`. Nothing if there is no such type; `conflict`, if not
// null, then says where. docs/datasets.md has the table of rules.
std::optional<Type> CommonType(const Type& first, const Type& second,
                               TypeConflict* conflict = nullptr);

}  // namespace tarn::catalog
