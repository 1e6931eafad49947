#pragma once

// The schema of a table: the union of the columns of its files.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/text_hash.h"
#include "iceberg/field_ids.h"
#include "iceberg/file_columns.h"
#include "iceberg/type.h"

namespace tarn::iceberg {

// A column that clients do not see.
struct HiddenColumn {
  std::string name;
  std::string reason;

  bool operator==(const HiddenColumn&) const = default;
};

// Collects the columns of all files. They are matched by path, ignoring ASCII case, and have the
// name and order of their first appearance. A column is hidden if a field of it has no type that
// all clients read, or types that readers do not promote. All fields are optional.
//
// A hidden column has ids too, because a file with a column that is not in the name mapping is
// read wrongly: DuckDB returns NULL for every column after it.
//
// Not thread-safe. Recursive, as deep as the files' schemas are nested.
class TableSchema {
 public:
  // A column, or a field inside a column.
  struct Field {
    std::string name;
    std::string path;              // As in FieldIds.
    std::optional<size_t> parent;  // nullopt: a column.
    std::vector<size_t> children;
    FileField::Kind kind = FileField::Kind::kLeaf;
    std::optional<PrimitiveType> type;  // kLeaf without a problem.
    std::string problem;                // The reason to hide the column; otherwise empty.
    std::set<std::string> file_names;   // The names in files; empty for a partition.
    int32_t id = 0;                     // 0 before AssignIds.
    bool is_repeated = false;           // Inside a list or a map.
    size_t last_file = 0;               // The number of the last file that has it, from 1.
  };

  // Adds the columns of the next file. `key` names the file in errors. kInvalidArgument: two
  // columns have names that differ only in case, or paths that are equal. kTooLarge: more fields
  // than FieldIds::kPathsMax. The object is unusable after an error.
  Result<> Add(const std::string& key, const std::vector<FileField>& columns);

  // Adds a column that is in the keys and not in the files. Returns its index in fields(); nullopt
  // if a column has that name.
  std::optional<size_t> AddPartition(const std::string& name, const PrimitiveType& type);

  // Gives each field its id. All files must have been added.
  Result<> AssignIds(FieldIds& ids);

  const std::vector<Field>& fields() const { return fields_; }

  // For each leaf of a file that was added, its index in fields().
  std::vector<size_t> Leaves(const std::vector<FileField>& columns) const;

  // True if clients see the field: its column is not hidden.
  bool IsVisible(size_t field) const;
  std::vector<HiddenColumn> HiddenColumns() const;
  // Readers must promote the values of a file to the type of the table.
  bool has_promotion() const { return has_promotion_; }

  // The "fields" of the schema: https://iceberg.apache.org/spec/#schemas
  nlohmann::ordered_json FieldsJson() const;
  // https://iceberg.apache.org/spec/#name-mapping-serialization
  nlohmann::ordered_json NameMappingJson() const;

 private:
  Result<> Merge(const std::string& key, const FileField& field, std::optional<size_t> parent,
                 const std::string& step);
  Result<size_t> FindOrCreate(const std::string& key, const FileField& field,
                              std::optional<size_t> parent, const std::string& step);
  void MergeType(const FileField& from, Field& into);
  size_t Create(Field field);
  // The problem of a field or of the first field in it that has one.
  std::string Problem(size_t field) const;
  nlohmann::ordered_json TypeJson(const Field& field) const;
  nlohmann::ordered_json MappedFieldsJson(const std::vector<size_t>& fields) const;

  std::vector<Field> fields_;
  std::vector<size_t> columns_;  // Indexes in fields_.
  TextMap<size_t> by_path_;
  std::vector<bool> is_hidden_;  // For each of fields_; set by AssignIds.
  size_t file_count_ = 0;
  bool has_promotion_ = false;
};

}  // namespace tarn::iceberg
