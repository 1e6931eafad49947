#include "queryd/query/result_cache.h"

#include <fmt/format.h>

#include <utility>

#include "base/sha256.h"

namespace tarn::queryd {
namespace {

// One result may take this part of the cache, so that it does not evict all others.
constexpr size_t kShareMax = 4;

// The memory of an entry beside its texts: the nodes of the list and the map, and the overhead of
// the allocator.
constexpr size_t kEntryBytes = 400;

void AppendPart(std::string_view part, std::string& key) {
  key += std::to_string(part.size());
  key += ':';
  key += part;
}

size_t BytesOf(const std::string& key, const CachedResult& result) {
  size_t bytes = kEntryBytes + key.size() + result.bytes.size();
  for (const DatasetRead& read : result.reads) bytes += sizeof(read) + read.name.size();
  for (const ResultColumn& column : result.columns) {
    bytes += sizeof(column) + column.name.size() + column.type.size();
  }
  return bytes;
}

}  // namespace

std::string TagOf(std::string_view bytes) {
  // Half of the hash is enough, because a collision would gain nothing for its author.
  constexpr size_t kTagDigits = 32;
  return Sha256Hex(bytes).substr(0, kTagDigits);
}

ResultCache::ResultCache(size_t bytes_max, Metrics& metrics)
    : bytes_max_(bytes_max),
      hits_(metrics.Counter("tarn_result_cache_hits_total",
                            "Queries that were answered from the result cache")),
      misses_(metrics.Counter("tarn_result_cache_misses_total",
                              "Queries that the result cache had no current answer for")),
      evicted_(metrics.Counter("tarn_result_cache_evicted_total",
                               "Results that made room for others in the result cache")),
      bytes_gauge_(metrics.Gauge("tarn_result_cache_bytes", "Memory of the result cache")) {}

std::string ResultCache::KeyOf(const Statement& request, const auth::DatasetScope& scope) {
  std::string key;
  key.reserve(request.sql.size() + request.params.size() + 64);
  for (const uint64_t number :
       {uint64_t{static_cast<uint8_t>(request.format)},
        uint64_t{static_cast<uint8_t>(request.compression)},
        uint64_t{request.json.quote_big_numbers}, request.limits.rows, request.limits.bytes}) {
    key += std::to_string(number);
    key += ',';
  }
  AppendPart(request.sql, key);
  AppendPart(request.params, key);
  if (!scope.is_all()) {
    for (const std::string& pattern : *scope.patterns()) AppendPart(pattern, key);
    key += '.';  // A scope without datasets differs from one of all.
  }
  return key;
}

std::shared_ptr<const CachedResult> ResultCache::Find(const std::string& key,
                                                      const IsCurrent& is_current) {
  const MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  const auto is_usable = [&](const CachedResult& result) {
    const bool is_withdrawn = result.is_withdrawn != nullptr && *result.is_withdrawn;
    return !is_withdrawn && is_current(result.reads);
  };
  if (found != by_key_.end() && is_usable(*found->second->result)) {
    entries_.splice(entries_.begin(), entries_, found->second);
    hits_.Increment();
    return found->second->result;
  }
  // A former version of a dataset does not become current again.
  if (found != by_key_.end()) Erase(found->second);
  misses_.Increment();
  return nullptr;
}

bool ResultCache::Keep(const std::string& key, CachedResult result) {
  result.bytes.shrink_to_fit();
  const size_t bytes = BytesOf(key, result);
  if (bytes > bytes_max_ / kShareMax) return false;
  auto shared = std::make_shared<const CachedResult>(std::move(result));
  const MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) Erase(found->second);
  while (bytes_ + bytes > bytes_max_) {
    Erase(std::prev(entries_.end()));
    evicted_.Increment();
  }
  entries_.push_front({.key = key, .result = std::move(shared), .bytes = bytes});
  by_key_.emplace(entries_.front().key, entries_.begin());
  bytes_ += bytes;
  bytes_gauge_.Set(static_cast<double>(bytes_));
  return true;
}

void ResultCache::Clear() {
  const MutexLock lock(mutex_);
  by_key_.clear();
  entries_.clear();
  bytes_ = 0;
  bytes_gauge_.Set(0);
}

void ResultCache::Erase(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  by_key_.erase(entry->key);
  entries_.erase(entry);
  bytes_gauge_.Set(static_cast<double>(bytes_));
}

}  // namespace tarn::queryd
