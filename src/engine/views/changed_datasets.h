#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/text.h"
#include "base/text_hash.h"

namespace tarn::engine {

// Datasets with an overwritten object, as noticed by a query. DuckDB 1.5 then caches the data of
// the new object while other queries still read the old one, so results could mix both. Queries on
// these datasets must therefore fail until the process is replaced. Thread-safe.
class ChangedDatasets {
 public:
  void Add(const std::vector<std::string>& names) {
    const MutexLock lock(mutex_);
    for (const std::string& name : names) names_.insert(ToLowerAscii(name));
    any_ = any_ || !names_.empty();
  }

  bool HasAny(const std::vector<std::string>& names) const {
    if (!any_) return false;
    const MutexLock lock(mutex_);
    for (const std::string& name : names) {
      if (names_.contains(ToLowerAscii(name))) return true;
    }
    return false;
  }

 private:
  std::atomic<bool> any_ = false;  // A fast path for the common case without any.
  mutable Mutex mutex_;
  TextSet names_ TARN_GUARDED_BY(mutex_);  // In lower case.
};

}  // namespace tarn::engine
