#include "base/line_budget.h"

#include <algorithm>
#include <utility>

namespace tarn {

std::optional<uint64_t> LineBudget::Take(std::string_view client, Clock::time_point now) {
  if (lines_per_second_ == 0) return 0;
  const MutexLock lock(mutex_);
  Bucket& bucket = BucketOf(client, now);
  const std::chrono::duration<double> seconds = now - bucket.updated;
  bucket.lines =
      std::min<double>(lines_per_second_, bucket.lines + seconds.count() * lines_per_second_);
  bucket.updated = now;
  if (bucket.lines < 1) {
    ++bucket.suppressed;
    return std::nullopt;
  }
  --bucket.lines;
  return std::exchange(bucket.suppressed, 0);
}

LineBudget::Bucket& LineBudget::BucketOf(std::string_view client, Clock::time_point now) {
  const auto found = buckets_.find(client);
  if (found != buckets_.end()) return found->second;
  if (buckets_.size() > kClientsMax) {
    std::erase_if(buckets_, [&](const auto& entry) { return IsFull(entry.second, now); });
    if (buckets_.size() > kClientsMax) client = "";
  }
  const Bucket full{.lines = static_cast<double>(lines_per_second_), .updated = now};
  return buckets_.try_emplace(std::string(client), full).first->second;
}

// A full bucket with nothing to report can be created again when its client returns.
bool LineBudget::IsFull(const Bucket& bucket, Clock::time_point now) const {
  return bucket.suppressed == 0 && now - bucket.updated >= std::chrono::seconds(1);
}

}  // namespace tarn
