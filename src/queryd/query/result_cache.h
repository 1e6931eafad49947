#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/identity.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "protocol/messages.h"
#include "queryd/query/statement.h"

namespace tarn::queryd {

// Names some bytes, the same in each process: what an ETag has between its quotes.
std::string TagOf(std::string_view bytes);

// A whole result, encoded.
struct CachedResult {
  std::string bytes;
  std::string tag;
  Compression compression = Compression::kNone;
  ResultSummary summary;
  std::vector<protocol::Column> columns = {};
  std::vector<protocol::DatasetRead> reads;  // What it depends on beside its key.
  // Becomes true when the process that computed it crashes; null: it cannot.
  std::shared_ptr<const std::atomic<bool>> has_crashed = nullptr;
};

// Whole results of queries that give the same again, as long as the datasets that they read are the
// same. Those that were not asked for longest make room for new ones. Thread-safe.
class ResultCache {
 public:
  // `bytes_max` bounds all of it: results, keys and what is kept beside them. 0: keeps nothing.
  ResultCache(size_t bytes_max, Metrics& metrics);

  // All that a result depends on but the datasets: the text, its parameters, the form of the
  // answer, the limits, and what its user may see. Who may see other datasets has results of his
  // own.
  static std::string KeyOf(const Statement& request, const auth::DatasetScope& scope);

  // Null when there is none whose datasets are the same still: `is_current` knows that. A result of
  // a process that has crashed since is dropped: its memory may have been wrong before it crashed.
  using IsCurrent = std::function<bool(const std::vector<protocol::DatasetRead>& reads)>;
  std::shared_ptr<const CachedResult> Find(const std::string& key, const IsCurrent& is_current);

  // False when it is too large to be kept.
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
  Entries entries_ TARN_GUARDED_BY(mutex_);  // The one that was asked for last comes first.
  std::unordered_map<std::string_view, Entries::iterator> by_key_ TARN_GUARDED_BY(mutex_);
  size_t bytes_ TARN_GUARDED_BY(mutex_) = 0;
};

}  // namespace tarn::queryd
