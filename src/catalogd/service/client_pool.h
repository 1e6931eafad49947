#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "s3/client.h"

namespace tarn::catalogd {

// Connections to a bucket, which are kept open between uses. Thread-safe.
class ClientPool {
 public:
  explicit ClientPool(s3::Bucket bucket) : bucket_(std::move(bucket)) {}

  // Calls f(s3::Client&) with a client that no other thread uses, and returns its result.
  template <class F>
  auto Use(const F& f) {
    std::unique_ptr<s3::Client> client = Take();
    auto result = f(*client);
    const MutexLock lock(mutex_);
    idle_.push_back(std::move(client));
    return result;
  }

 private:
  std::unique_ptr<s3::Client> Take() {
    {
      const MutexLock lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<s3::Client> client = std::move(idle_.back());
        idle_.pop_back();
        return client;
      }
    }
    return std::make_unique<s3::Client>(bucket_);
  }

  const s3::Bucket bucket_;
  Mutex mutex_;
  // At most as many as threads have used a client at the same time.
  std::vector<std::unique_ptr<s3::Client>> idle_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::catalogd
