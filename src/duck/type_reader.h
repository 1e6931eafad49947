#pragma once

// Private to src/duck: C handles of types and what they say, as a ColumnType.

#include <duckdb.h>

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

ColumnType ReadType(duckdb_logical_type type);

}  // namespace tarn::duck
