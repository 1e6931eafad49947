#pragma once

// Private to src/duck: C handles of types and what they say, as a ColumnType.

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

// Calls its argument with the options of Arrow that reading a GEOMETRY needs, in a transaction: to
// look its coordinate reference system up without one is an INTERNAL error of DuckDB.
using WithArrowOptions = std::function<void(const std::function<void(duckdb_arrow_options)>&)>;

ColumnType ReadType(duckdb_logical_type type, const WithArrowOptions& with_arrow_options);

}  // namespace tarn::duck
