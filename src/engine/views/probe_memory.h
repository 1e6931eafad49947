#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace tarn::engine {

// The memory of the footers and schemas that a process has while it probes datasets. Without a
// limit, many wide footers at the same time would exhaust the memory of the process again and
// again, and none of their datasets would become available.
//
// Thread-safe.
class ProbeMemory : public std::enable_shared_from_this<ProbeMemory> {
 public:
  // Memory that counts until the share is destroyed. Empty by default.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept;
    Share& operator=(Share&& other) noexcept;
    ~Share();

   private:
    friend class ProbeMemory;
    Share(std::shared_ptr<ProbeMemory> memory, uint64_t bytes, bool is_result)
        : memory_(std::move(memory)), bytes_(bytes), is_result_(is_result) {}

    std::shared_ptr<ProbeMemory> memory_;
    uint64_t bytes_ = 0;
    bool is_result_ = false;
  };

  explicit ProbeMemory(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // The size of the footers that this memory suffices for.
  static uint64_t FooterBytes(uint64_t memory);

  // Takes memory to decode a footer of this size. Returns nullopt if it does not fit into the
  // limit. While no other footer has memory, any footer fits, so the widest ones are decoded alone.
  std::optional<Share> TakeForFooter(uint64_t footer_bytes);

  // Counts a result that stays in memory, even beyond the limit.
  Share Hold(uint64_t bytes);

  // True if results take more than half of the limit.
  bool IsFull() const;

 private:
  void Return(const Share& share);

  const uint64_t bytes_max_;
  mutable Mutex mutex_;
  uint64_t footer_bytes_ TARN_GUARDED_BY(mutex_) = 0;  // The memory of footers.
  uint64_t result_bytes_ TARN_GUARDED_BY(mutex_) = 0;
};

}  // namespace tarn::engine
