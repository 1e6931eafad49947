#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "protocol/messages.h"

namespace tarn::queryd {

// The datasets that queries have read since the last call of Take.
//
// Thread-safe.
class DatasetsInUse {
 public:
  void Note(const std::vector<protocol::DatasetRead>& reads) {
    const MutexLock lock(mutex_);
    for (const protocol::DatasetRead& read : reads) {
      if (names_.size() >= kNamesMax) return;
      names_.insert(read.name);
    }
  }

  std::set<std::string> Take() {
    const MutexLock lock(mutex_);
    return std::exchange(names_, {});
  }

 private:
  // The names come from the engine process. Fewer objects are checked than this.
  static constexpr size_t kNamesMax = protocol::Begun::kReadsMax;

  Mutex mutex_;
  std::set<std::string> names_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::queryd
