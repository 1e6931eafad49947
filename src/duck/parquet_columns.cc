#include "duck/parquet_columns.h"

#include <algorithm>
#include <string>

#include "duck/quote.h"

namespace tarn::duck {
namespace {

// Appends the scalar types inside a type in the order of Parquet's leaves.
void CollectLeaves(ColumnType& type, std::vector<ColumnType*>& leaves) {
  if (type.children.empty()) leaves.push_back(&type);
  for (ColumnType& child : type.children) CollectLeaves(child, leaves);
}

void MarkUntyped(const std::vector<bool>& untyped_leaves, std::vector<Statement::Column>& columns) {
  if (std::find(untyped_leaves.begin(), untyped_leaves.end(), true) == untyped_leaves.end()) return;
  std::vector<ColumnType*> leaves;
  for (Statement::Column& column : columns) CollectLeaves(column.type, leaves);
  // The leaves differ if DuckDB reads several as one value, such as a VARIANT.
  if (leaves.size() != untyped_leaves.size()) return;
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (untyped_leaves[i]) *leaves[i] = ColumnType{.id = TypeId::kNull};
  }
}

}  // namespace

Result<std::vector<Statement::Column>> ReadParquetColumns(Connection& connection,
                                                          const FooterFile& footer) {
  TARN_TRY(const Statement statement,
           connection.Prepare("SELECT * FROM read_parquet(" + QuoteLiteral(footer.Path()) +
                              ", hive_partitioning = false)"));
  std::vector<Statement::Column> columns = statement.Columns();
  MarkUntyped(footer.metadata().untyped_leaves, columns);
  return columns;
}

}  // namespace tarn::duck
