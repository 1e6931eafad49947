#pragma once

// One schema for a dataset whose objects have different columns.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "catalog/manifest.h"
#include "catalog/type.h"

namespace tarn::catalog {

// Objects of a dataset whose columns have the same types.
struct ObjectGroup {
  std::vector<uint64_t> objects;  // Positions in the dataset's list of objects, ascending.
  // The columns of the dataset, each with the type that it has in these objects. A column that an
  // object does not have is NULL there. The type is kUntyped, or has it inside, where the objects
  // have nothing but nulls.
  std::vector<Column> columns;
};

// Collects the columns of a dataset's objects. The dataset has the columns of all of them, matched
// by name without regard to ASCII case, in the order in which they first appear. A column that has
// several types gets the one that holds all their values (CommonType).
//
// Not thread-safe.
class SchemaUnion {
 public:
  using Columns = std::vector<Column>;

  // Adds the next object. Objects with equal columns should share them: each set of columns is
  // compared once. kConflict names the column, two types without a common one, and an object of
  // each; nothing is added then.
  Result<> Add(const std::string& key, const std::shared_ptr<const Columns>& columns);

  // The columns of the dataset. A column that is kUntyped in all objects is INTEGER, which is the
  // type that DuckDB reads it with.
  Columns DatasetColumns() const;

  // Empty if every object has exactly the dataset's columns, in any order.
  std::vector<ObjectGroup> Groups() const;

 private:
  // A set of columns that objects share.
  struct Schema {
    std::shared_ptr<const Columns> columns;
    std::vector<Type> types;  // Of `columns`.
    std::vector<uint64_t> objects;
  };
  // A column of the dataset.
  struct Field {
    std::string name;
    Type type;
    std::vector<std::pair<Type, std::string>> found;  // Each type in objects, with the first key.
  };

  Result<> Merge(const std::string& key, const Schema& schema);
  Columns GroupColumns(const Schema& schema, const std::vector<Type>& dataset) const;

  std::vector<Schema> schemas_;
  std::unordered_map<const Columns*, size_t> schema_of_;  // Index in schemas_.
  std::vector<Field> fields_;
  std::unordered_map<std::string, size_t> field_of_;  // By name in lower case.
  uint64_t object_count_ = 0;
};

}  // namespace tarn::catalog
