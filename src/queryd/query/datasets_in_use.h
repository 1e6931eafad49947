#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "queryd/query/engine.h"

namespace tarn::queryd {

// The datasets that queries have read since the last call of Take.
//
// Thread-safe.
class DatasetsInUse {
 public:
  void Note(const std::vector<DatasetRead>& reads) {
    const MutexLock lock(mutex_);
    for (const DatasetRead& read : reads) {
      if (names_.size() >= kNamesMax) return;
      names_.insert(read.name);
    }
  }

  std::set<std::string> Take() {
    const MutexLock lock(mutex_);
    return std::exchange(names_, {});
  }

 private:
  // The names come from an engine, which is not trusted. Fewer objects are checked than this.
  static constexpr size_t kNamesMax = kDatasetsReadMax;

  Mutex mutex_;
  std::set<std::string> names_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::queryd
