#include "base/line_budget.h"

#include <algorithm>
#include <utility>

namespace tarn {

bool LineBudget::Take(std::string_view client, std::string_view message, Clock::time_point now) {
  if (lines_per_second_ == 0) return true;
  const MutexLock lock(mutex_);
  Bucket& bucket = BucketOf(client, message, now);
  const std::chrono::duration<double> seconds = now - bucket.updated;
  bucket.lines =
      std::min<double>(lines_per_second_, bucket.lines + seconds.count() * lines_per_second_);
  bucket.updated = now;
  if (bucket.lines < 1) {
    ++bucket.left_out;
    return false;
  }
  --bucket.lines;
  return true;
}

std::vector<LineBudget::LeftOut> LineBudget::TakeLeftOut() {
  std::vector<LeftOut> all;
  const MutexLock lock(mutex_);
  for (auto& [key, bucket] : buckets_) {
    if (bucket.left_out == 0) continue;
    all.push_back(
        {.client = key.second, .message = key.first, .lines = std::exchange(bucket.left_out, 0)});
  }
  return all;
}

LineBudget::Bucket& LineBudget::BucketOf(std::string_view client, std::string_view message,
                                         Clock::time_point now) {
  const auto found = buckets_.find(std::pair(message, client));
  if (found != buckets_.end()) return found->second;
  if (buckets_.size() > kBudgetsMax) {
    std::erase_if(buckets_, [&](const auto& entry) { return IsFull(entry.second, now); });
    if (buckets_.size() > kBudgetsMax) client = "";
  }
  const Bucket full{.lines = static_cast<double>(lines_per_second_), .updated = now};
  return buckets_.try_emplace({std::string(message), std::string(client)}, full).first->second;
}

// A full bucket with nothing to report can be created again when its client returns.
bool LineBudget::IsFull(const Bucket& bucket, Clock::time_point now) {
  return bucket.left_out == 0 && now - bucket.updated >= std::chrono::seconds(1);
}

}  // namespace tarn
