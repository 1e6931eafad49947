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

// The limit for the memory of all engine processes of a queryd together. If they exceed it, the
// oldest draining process is ended, or else the process that exceeds its own memory_limit most.
//
// Thread-safe.
class EngineMemory {
 public:
  // The present memory of a process.
  struct Usage {
    std::shared_ptr<EngineProcess> process;
    uint64_t bytes = 0;         // The resident memory.
    uint64_t memory_limit = 0;  // DuckDB's limit in this process.
    bool is_draining = false;
    std::chrono::steady_clock::time_point since;  // The start of its drain, or else of the process.
  };

  // `limit` is in bytes; 0: no limit.
  explicit EngineMemory(uint64_t limit) : limit_(limit) {}

  // Replaces the last report of this owner. Ends a process of any owner if all together exceed the
  // limit. An owner without processes is forgotten.
  void Report(const void* owner, std::vector<Usage> usages);

  // Returns the index of the process to end; nullopt without processes.
  static std::optional<size_t> ChooseOne(const std::vector<Usage>& usages);

 private:
  const uint64_t limit_;
  Mutex mutex_;
  std::map<const void*, std::vector<Usage>> usages_ TARN_GUARDED_BY(mutex_);  // By owner.
};

}  // namespace tarn::queryd
