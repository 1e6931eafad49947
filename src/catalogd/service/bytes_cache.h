#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"

namespace tarn::catalogd {

// Shared values by key, with a limit for their bytes. The least recently used ones are removed
// first. Thread-safe.
template <class Value>
class BytesCache {
 public:
  explicit BytesCache(int64_t bytes_max) : bytes_max_(static_cast<uint64_t>(bytes_max)) {}

  // Returns null if the key is not cached.
  std::shared_ptr<const Value> Find(const std::string& key) {
    const MutexLock lock(mutex_);
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->value;
  }

  // Replaces the value of the key. A value above the limit is not cached.
  void Put(const std::string& key, std::shared_ptr<const Value> value, uint64_t bytes) {
    const MutexLock lock(mutex_);
    if (const auto found = index_.find(key); found != index_.end()) Remove(found->second);
    bytes += 2 * key.size() + kEntryBytes;
    if (bytes > bytes_max_) return;
    entries_.push_front({key, std::move(value), bytes});
    index_[key] = entries_.begin();
    bytes_ += bytes;
    while (bytes_ > bytes_max_) Remove(std::prev(entries_.end()));
  }

 private:
  // The memory of an entry beside its key and value.
  static constexpr uint64_t kEntryBytes = 256;

  struct Entry {
    std::string key;
    std::shared_ptr<const Value> value;
    uint64_t bytes = 0;
  };
  using Entries = std::list<Entry>;

  void Remove(Entries::iterator entry) TARN_REQUIRES(mutex_) {
    bytes_ -= entry->bytes;
    index_.erase(entry->key);
    entries_.erase(entry);
  }

  const uint64_t bytes_max_;
  Mutex mutex_;
  Entries entries_ TARN_GUARDED_BY(mutex_);  // The last used one is first.
  std::unordered_map<std::string, typename Entries::iterator> index_ TARN_GUARDED_BY(mutex_);
  uint64_t bytes_ TARN_GUARDED_BY(mutex_) = 0;
};

}  // namespace tarn::catalogd
