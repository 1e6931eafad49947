#pragma once

// The schema of a dataset whose objects have different columns.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/text_hash.h"
#include "catalog/manifest.h"
#include "catalog/type.h"

namespace tarn::catalog {

// Objects of a dataset with equal column types.
struct ObjectGroup {
  std::vector<uint64_t> objects;  // Indexes into the dataset's list of objects, ascending.
  // The columns of the dataset with their types in these objects. A column that an object lacks is
  // NULL there. The type is, or contains, kUntyped if these objects have only nulls.
  std::vector<Column> columns;
};

// Collects the columns of a dataset's objects. The dataset has the columns of all objects, matched
// by name ignoring ASCII case, in the order of their first appearance. A column with several types
// gets their common type (CommonType).
//
// Not thread-safe.
class SchemaUnion {
 public:
  using Columns = std::vector<Column>;

  // Adds the next object. Objects with equal columns should share the pointer, because each
  // distinct pointer is compared once. If there is no common type, returns kConflict and does not
  // add the object. The error names the column, two types that conflict, and an object with each.
  Result<> Add(const std::string& key, const std::shared_ptr<const Columns>& columns);

  // The columns of the dataset. A column that is kUntyped in all objects is INTEGER, as in DuckDB.
  Columns DatasetColumns() const;

  // Returns an empty list if every object has exactly the dataset's columns, in any order.
  std::vector<ObjectGroup> Groups() const;

 private:
  // A set of columns shared by objects.
  struct Schema {
    std::shared_ptr<const Columns> columns;
    std::vector<Type> types;  // The parsed types of `columns`.
    std::vector<uint64_t> objects;
  };
  // A column of the dataset.
  struct Field {
    std::string name;
    Type type;
    std::vector<std::pair<Type, std::string>> found;  // Each type with the first key that has it.
  };

  Result<> Merge(const std::string& key, const Schema& schema);
  Columns GroupColumns(const Schema& schema, const std::vector<Type>& dataset) const;

  std::vector<Schema> schemas_;
  std::unordered_map<const Columns*, size_t> schema_of_;  // Index in schemas_.
  std::vector<Field> fields_;
  TextMap<size_t> field_of_;  // Index in fields_, by lower-case name.
  uint64_t object_count_ = 0;
};

}  // namespace tarn::catalog
