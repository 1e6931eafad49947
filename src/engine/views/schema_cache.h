#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/text_hash.h"
#include "catalog/schema_union.h"
#include "duck/footer_metadata.h"
#include "engine/views/probe_memory.h"

namespace tarn::engine {

// The columns of objects that have the same schema.
struct ObjectSchema {
  catalog::SchemaUnion::Columns columns;
  // The column of each leaf of the schema; kNested if the column is nested.
  std::vector<size_t> leaf_columns;
  bool has_floats = false;         // FLOAT or DOUBLE, also inside nested types.
  ProbeMemory::Share memory = {};  // The approximate memory of the columns.

  static constexpr size_t kNested = static_cast<size_t>(-1);
};

// A cache of the columns that DuckDB reads for the schema of a footer. Most objects of a dataset
// have the same schema, so DuckDB derives its columns only once.
//
// Thread-safe.
class SchemaCache {
 public:
  using Schema = std::shared_ptr<const ObjectSchema>;

  // `bytes_max` limits the size of the encoded schemas. At the limit all of them are evicted.
  explicit SchemaCache(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Returns null if the schema is not cached.
  Schema Find(const duck::FooterMetadata& footer) const;
  void Put(const duck::FooterMetadata& footer, Schema schema);
  void Clear();

 private:
  const size_t bytes_max_;
  mutable Mutex mutex_;
  TextMap<Schema> schemas_ TARN_GUARDED_BY(mutex_);
  size_t bytes_ TARN_GUARDED_BY(mutex_) = 0;  // The size of the keys.
};

}  // namespace tarn::engine
