#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/text_hash.h"
#include "queryd/query/engine.h"
#include "queryd/query/statement.h"

namespace tarn::queryd {

// Returns a hash of the bytes, for an ETag. It is the same in each process of queryd.
std::string TagOf(std::string_view bytes);

// A complete, encoded result.
struct CachedResult {
  std::string bytes;
  std::string tag;
  Compression compression = Compression::kNone;
  ResultSummary summary;
  std::vector<ResultColumn> columns = {};
  std::vector<DatasetRead> reads;  // The datasets that it depends on.
  // Becomes true if the engine no longer vouches for the result; null: it always does.
  std::shared_ptr<const std::atomic<bool>> is_withdrawn = nullptr;
};

// Complete results of repeatable queries. A result is valid as long as the datasets that it depends
// on have the same versions. The least recently used results make room for new ones. Thread-safe.
class ResultCache {
 public:
  // `bytes_max` limits the memory of the whole cache, with its keys and lists. 0: no cache.
  ResultCache(size_t bytes_max, Metrics& metrics);

  // Returns a key with everything that a result depends on, except the datasets: the text, the
  // parameters, the format, the limits, and the scope of the user. Users with different scopes
  // share no results.
  static std::string KeyOf(const Statement& request, const auth::DatasetScope& scope);

  // Returns null if there is no valid result. `is_current` tells whether all datasets still have
  // their versions. A result that the engine has withdrawn is dropped.
  using IsCurrent = std::function<bool(const std::vector<DatasetRead>& reads)>;
  std::shared_ptr<const CachedResult> Find(const std::string& key, const IsCurrent& is_current);

  // Returns false if the result is too large for the cache.
  bool Keep(const std::string& key, CachedResult result);

  void Clear();

  bool is_on() const { return bytes_max_ > 0; }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const CachedResult> result;
    size_t bytes = 0;
  };
  using Entries = std::list<Entry>;

  void Erase(Entries::iterator entry) TARN_REQUIRES(mutex_);

  const size_t bytes_max_;
  prometheus::Counter& hits_;
  prometheus::Counter& misses_;
  prometheus::Counter& evicted_;
  prometheus::Gauge& bytes_gauge_;

  Mutex mutex_;
  Entries entries_ TARN_GUARDED_BY(mutex_);  // The most recently used first.
  TextViewMap<Entries::iterator> by_key_ TARN_GUARDED_BY(mutex_);
  size_t bytes_ TARN_GUARDED_BY(mutex_) = 0;
};

}  // namespace tarn::queryd
