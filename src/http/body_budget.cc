#include "http/body_budget.h"

namespace tarn::http {

BodyBudget::BodyBudget(size_t bytes_max, Metrics& metrics)
    : bytes_max_(bytes_max),
      bytes_gauge_(metrics.Gauge("tarn_http_body_bytes",
                                 "Memory for large bodies of requests and responses")),
      refused_(metrics.Counter("tarn_http_bodies_refused_total",
                               "Requests refused because too many large bodies were in memory")) {}

size_t BodyBudget::UserMax(const Share& share) const {
  return share.user_.empty() ? bytes_max_ : bytes_max_ / 2;
}

bool BodyBudget::Resize(Share& share, size_t bytes, bool must) {
  const size_t counted = bytes > kFreeBytes ? bytes : 0;
  if (counted == share.counted_) return true;
  const MutexLock lock(mutex_);
  const auto user = users_.try_emplace(share.user_, 0).first;
  const size_t others = bytes_ - share.counted_;
  const size_t others_of_user = user->second - share.counted_;
  const bool fits = others + counted <= bytes_max_ && others_of_user + counted <= UserMax(share);
  if (counted > share.counted_ && !fits && !must) {
    if (user->second == 0) users_.erase(user);
    refused_.Increment();
    return false;
  }
  bytes_ = others + counted;
  user->second = others_of_user + counted;
  if (user->second == 0) users_.erase(user);
  share.counted_ = counted;
  bytes_gauge_.Set(static_cast<double>(bytes_));
  return true;
}

}  // namespace tarn::http
