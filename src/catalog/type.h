#pragma once

// Column types as values, and the rules for common types.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::catalog {

// The type of a column with only nulls: a Parquet column of the logical type UNKNOWN, as written by
// pyarrow.
inline constexpr std::string_view kUntyped = "\"NULL\"";

// A type, parsed from DuckDB's notation: "DECIMAL(18,2)", "STRUCT(a INTEGER)[]".
struct Type {
  enum class Kind : uint8_t { kScalar, kDecimal, kList, kArray, kStruct, kMap };

  Kind kind = Kind::kScalar;
  // kScalar: the name in upper case without aliases ("BIGINT", "ENUM('a', 'b')"). A text that is
  // not a type becomes a scalar with this text, in upper case, as its name.
  std::string name;
  int digits = 0;                        // kDecimal
  int scale = 0;                         // kDecimal
  uint64_t size = 0;                     // kArray
  std::vector<std::string> field_names;  // kStruct; with double quotes if quoted in the text
  // kList and kArray: the element. kMap: the key and the value. kStruct: the types of the fields.
  std::vector<Type> children;

  bool operator==(const Type&) const = default;
  bool IsUntyped() const { return kind == Kind::kScalar && name == kUntyped; }
};

// Parses a type. Ignores spaces, the case of letters outside quotes, and DuckDB's aliases (INT,
// TEXT).
// https://duckdb.org/docs/stable/sql/data_types/overview
Type ParseType(std::string_view text);

// The type in DuckDB's notation, as ParseType accepts it.
std::string TypeText(const Type& type);

// The name of a struct field without its double quotes.
std::string UnquotedName(std::string_view name);

// The index of a struct field, ignoring ASCII case and quotes; nullopt if there is none.
std::optional<size_t> FindField(const Type& type, const std::string& name);

// True if `after` holds every value of `before` unchanged. Struct fields are matched by name,
// ignoring ASCII case; fields of only one of the types are ignored.
bool IsWidening(const Type& before, const Type& after);

// The parts of two types that have no common type.
struct TypeConflict {
  std::string path;  // The path of struct fields, each after a dot: ".a.b"; may be empty.
  Type first;
  Type second;
};

// The narrowest type that holds every value of both types unchanged. Structs get the fields of
// both, in the order of `first` and then `second`. If there is no such type, returns nullopt and
// sets `conflict`, unless that is null. docs/datasets.md has the table of rules.
std::optional<Type> CommonType(const Type& first, const Type& second,
                               TypeConflict* conflict = nullptr);

}  // namespace tarn::catalog
