#pragma once

// Parquet schemas for tests.

#include <string>
#include <utility>
#include <vector>

#include "parquet/schema_element.h"

namespace tarn::iceberg {

using Elements = std::vector<parquet::SchemaElement>;

inline parquet::SchemaElement ParquetLeaf(
    std::string name, parquet::PhysicalType type, parquet::LogicalType logical = {},
    parquet::Repetition repetition = parquet::Repetition::kOptional) {
  return {.name = std::move(name), .type = type, .repetition = repetition, .logical = logical};
}

inline parquet::SchemaElement ParquetInt(std::string name) {
  return ParquetLeaf(std::move(name), parquet::PhysicalType::kInt32);
}

inline parquet::SchemaElement ParquetText(std::string name) {
  return ParquetLeaf(std::move(name), parquet::PhysicalType::kByteArray,
                     {.kind = parquet::LogicalType::Kind::kString});
}

inline parquet::SchemaElement ParquetGroup(
    std::string name, uint32_t children,
    parquet::LogicalType::Kind kind = parquet::LogicalType::Kind::kNone,
    parquet::Repetition repetition = parquet::Repetition::kOptional) {
  return {.name = std::move(name),
          .repetition = repetition,
          .children = children,
          .logical = {.kind = kind}};
}

// The repeated group in a list or a map.
inline parquet::SchemaElement Repeated(std::string name, uint32_t children) {
  return ParquetGroup(std::move(name), children, parquet::LogicalType::Kind::kNone,
                      parquet::Repetition::kRepeated);
}

}  // namespace tarn::iceberg
