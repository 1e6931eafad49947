#include "engine/views/schema_cache.h"

#include <utility>

namespace tarn::engine {
namespace {

std::string KeyOf(const duck::FooterMetadata& footer) {
  return std::to_string(footer.schema.size()) + ":" + footer.schema + footer.geo;
}

}  // namespace

SchemaCache::Schema SchemaCache::Find(const duck::FooterMetadata& footer) const {
  const std::string key = KeyOf(footer);
  const MutexLock lock(mutex_);
  const auto found = schemas_.find(key);
  return found == schemas_.end() ? nullptr : found->second;
}

void SchemaCache::Put(const duck::FooterMetadata& footer, Schema schema) {
  std::string key = KeyOf(footer);
  const MutexLock lock(mutex_);
  if (key.size() > bytes_max_) return;
  if (bytes_ + key.size() > bytes_max_) {
    schemas_.clear();
    bytes_ = 0;
  }
  const size_t bytes = key.size();
  if (schemas_.emplace(std::move(key), std::move(schema)).second) bytes_ += bytes;
}

void SchemaCache::Clear() {
  const MutexLock lock(mutex_);
  schemas_.clear();
  bytes_ = 0;
}

}  // namespace tarn::engine
