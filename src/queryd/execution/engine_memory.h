#pragma once

#include <prometheus/counter.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "queryd/execution/engine_process.h"

namespace tarn::queryd {

// The memory that all engine processes of a queryd may have together. When they have more, one is
// ended: one that drains before all others, the oldest first, and else the one that is the farthest
// beyond its own memory_limit.
//
// Thread-safe.
class EngineMemory {
 public:
  // What a process has now.
  struct Usage {
    std::shared_ptr<EngineProcess> process;
    uint64_t bytes = 0;         // Resident.
    uint64_t memory_limit = 0;  // DuckDB's, of this process.
    bool is_draining = false;
    std::chrono::steady_clock::time_point since;  // When it began to drain, or started.
  };

  // `limit` in bytes; 0: none.
  explicit EngineMemory(uint64_t limit) : limit_(limit) {}

  // The processes of one owner as they are now, in place of those of its last report. Ends a
  // process of any owner when all have more than the limit. An owner that goes reports none.
  void Report(const void* owner, std::vector<Usage> usages);

  // The one to end, none if there are none.
  static std::optional<size_t> ChooseOne(const std::vector<Usage>& usages);

 private:
  const uint64_t limit_;
  Mutex mutex_;
  std::map<const void*, std::vector<Usage>> usages_ TARN_GUARDED_BY(mutex_);  // By owner.
};

}  // namespace tarn::queryd
