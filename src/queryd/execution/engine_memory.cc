#include "queryd/execution/engine_memory.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace tarn::queryd {
namespace {

double ShareOf(const EngineMemory::Usage& usage) {
  return static_cast<double>(usage.bytes) /
         static_cast<double>(std::max<uint64_t>(usage.memory_limit, 1));
}

// Returns true if `a` must be ended before `b`.
bool GoesBefore(const EngineMemory::Usage& a, const EngineMemory::Usage& b) {
  if (a.is_draining != b.is_draining) return a.is_draining;
  return a.is_draining ? a.since < b.since : ShareOf(a) > ShareOf(b);
}

}  // namespace

std::optional<size_t> EngineMemory::ChooseOne(const std::vector<Usage>& usages) {
  if (usages.empty()) return std::nullopt;
  size_t chosen = 0;
  for (size_t i = 1; i < usages.size(); ++i) {
    if (GoesBefore(usages[i], usages[chosen])) chosen = i;
  }
  return chosen;
}

void EngineMemory::Report(const void* owner, std::vector<Usage> usages) {
  if (limit_ == 0) return;
  const MutexLock lock(mutex_);
  if (usages.empty()) {
    usages_.erase(owner);
    return;
  }
  usages_[owner] = std::move(usages);
  std::vector<Usage> all;
  uint64_t total = 0;
  for (const auto& [one, of_owner] : usages_) {
    for (const Usage& usage : of_owner) {
      // A process that was ended frees its memory soon.
      if (usage.process->is_going()) continue;
      total += usage.bytes;
      all.push_back(usage);
    }
  }
  if (total <= limit_) return;
  const std::optional<size_t> chosen = ChooseOne(all);
  if (!chosen) return;
  const Usage& usage = all[*chosen];
  log::Error("all engines together exceed their memory limit, ending one",
             {{"pid", int64_t{usage.process->pid()}},
              {"bytes", usage.bytes},
              {"draining", usage.is_draining},
              {"total", total},
              {"limit", limit_}});
  // The queries are not the cause. Those of a draining process run again without a mark.
  usage.process->Kill(usage.is_draining ? EndCause::kReplaced : EndCause::kSharedMemory);
}

}  // namespace tarn::queryd
