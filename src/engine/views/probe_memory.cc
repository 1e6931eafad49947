#include "engine/views/probe_memory.h"

namespace tarn::engine {
namespace {

// The memory to decode a footer and to answer with its columns, in relation to its size. Measured
// with DuckDB 1.5.5: 11 for 10,000 columns in a footer of 15 MB.
constexpr uint64_t kFooterFactor = 16;

}  // namespace

ProbeMemory::Share::Share(Share&& other) noexcept
    : memory_(std::move(other.memory_)), bytes_(other.bytes_), is_result_(other.is_result_) {}

ProbeMemory::Share& ProbeMemory::Share::operator=(Share&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(bytes_, other.bytes_);
  std::swap(is_result_, other.is_result_);
  return *this;
}

ProbeMemory::Share::~Share() {
  if (memory_ != nullptr) memory_->Return(*this);
}

uint64_t ProbeMemory::FooterBytes(uint64_t memory) { return memory / kFooterFactor; }

std::optional<ProbeMemory::Share> ProbeMemory::TakeForFooter(uint64_t footer_bytes) {
  const uint64_t bytes = kFooterFactor * footer_bytes;
  const MutexLock lock(mutex_);
  const bool fits = footer_bytes_ + result_bytes_ + bytes <= bytes_max_;
  if (footer_bytes_ > 0 && !fits) return std::nullopt;
  footer_bytes_ += bytes;
  return Share(shared_from_this(), bytes, /*is_result=*/false);
}

ProbeMemory::Share ProbeMemory::Hold(uint64_t bytes) {
  const MutexLock lock(mutex_);
  result_bytes_ += bytes;
  return Share(shared_from_this(), bytes, /*is_result=*/true);
}

bool ProbeMemory::IsFull() const {
  const MutexLock lock(mutex_);
  return result_bytes_ > bytes_max_ / 2;
}

void ProbeMemory::Return(const Share& share) {
  const MutexLock lock(mutex_);
  (share.is_result_ ? result_bytes_ : footer_bytes_) -= share.bytes_;
}

}  // namespace tarn::engine
