#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "catalog/schema_union.h"
#include "duck/footer_metadata.h"

namespace tarn::engine {

// The columns that DuckDB reads for the schemas of footers that were planned. Objects of one
// dataset mostly have one schema, which is planned once.
//
// Thread-safe.
class SchemaCache {
 public:
  using Columns = std::shared_ptr<const catalog::SchemaUnion::Columns>;

  // Null if the schema is not cached.
  Columns Find(const duck::FooterMetadata& footer) const;
  void Put(const duck::FooterMetadata& footer, Columns columns);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Columns> columns_;  // Guarded by mutex_.
  size_t bytes_ = 0;                                  // Guarded by mutex_; of the footers' schemas.
};

}  // namespace tarn::engine
