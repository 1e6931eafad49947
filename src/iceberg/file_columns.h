#pragma once

// The columns of one Parquet file as Iceberg sees them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "iceberg/type.h"
#include "parquet/schema_element.h"

namespace tarn::iceberg {

// A column of a file, a field of a struct, the element of a list, or the key or value of a map.
struct FileField {
  enum class Kind : uint8_t { kLeaf, kStruct, kList, kMap };

  std::string name;           // In the file.
  std::string repeated_name;  // The element of a list: the name of the repeated group around it.
  Kind kind = Kind::kLeaf;
  std::optional<PrimitiveType> type;  // kLeaf; nullopt if there is a problem.
  // The reason why the column must be hidden; otherwise empty. Fields inside may have others.
  std::string problem;
  size_t leaf = 0;                  // kLeaf: the index among the leaves of the file.
  std::vector<FileField> children;  // kList: the element. kMap: the key and the value.
};

// Returns the columns of a file with this schema, which must be that of FooterStatistics.
// Recursive, as deep as the schema is nested (StatisticsLimits::depth_max).
//
// Lists and maps must have three levels, as the specification demands since 2014; older forms get a
// problem. So do maps with other names than key_value, key and value, because DuckDB 1.5.5 fails to
// read these by a name mapping.
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#nested-types
std::vector<FileField> ReadFileColumns(const std::vector<parquet::SchemaElement>& schema);

}  // namespace tarn::iceberg
