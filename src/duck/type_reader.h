#pragma once

// Private to src/duck: converts DuckDB's logical types to ColumnType.

#include <duckdb.h>

#include <functional>

#include "duck/types.h"

namespace tarn::duck {

class LogicalType {
 public:
  explicit LogicalType(duckdb_logical_type type) : type_(type) {}
  ~LogicalType() { duckdb_destroy_logical_type(&type_); }
  LogicalType(const LogicalType&) = delete;
  LogicalType& operator=(const LogicalType&) = delete;
  duckdb_logical_type get() const { return type_; }

 private:
  duckdb_logical_type type_;
};

// Calls its argument with the Arrow options that a GEOMETRY type requires, in a transaction: DuckDB
// raises an INTERNAL error if it looks up a coordinate reference system without one.
using WithArrowOptions = std::function<void(const std::function<void(duckdb_arrow_options)>&)>;

ColumnType ReadType(duckdb_logical_type type, const WithArrowOptions& with_arrow_options);

}  // namespace tarn::duck
