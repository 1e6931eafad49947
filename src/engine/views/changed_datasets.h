#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/text.h"

namespace tarn::engine {

// Datasets one of whose objects was overwritten, as far as some query has noticed. DuckDB 1.5 drops
// what it has kept of the object then, and keeps the new one, while other queries still read the
// former: their answers could mix the two. So in this process nobody gets an answer from these
// datasets any more. Thread-safe.
class ChangedDatasets {
 public:
  void Add(const std::vector<std::string>& names) {
    const std::lock_guard lock(mutex_);
    for (const std::string& name : names) names_.insert(ToLowerAscii(name));
    any_ = any_ || !names_.empty();
  }

  bool HasAny(const std::vector<std::string>& names) const {
    if (!any_) return false;
    const std::lock_guard lock(mutex_);
    for (const std::string& name : names) {
      if (names_.contains(ToLowerAscii(name))) return true;
    }
    return false;
  }

 private:
  std::atomic<bool> any_ = false;  // Mostly there is none.
  mutable std::mutex mutex_;
  std::unordered_set<std::string> names_;  // guarded by mutex_; in lower case
};

}  // namespace tarn::engine
