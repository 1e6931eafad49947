#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "base/metrics.h"
#include "base/mutex.h"

namespace tarn::http {

// Limits the memory for the bodies of all requests and responses that a server holds, so that many
// clients with large bodies that they send or read slowly cannot exhaust it. One token may have
// half of the budget.
//
// Thread-safe.
class BodyBudget {
 public:
  // Smaller bodies are not counted, so that small requests always work.
  static constexpr size_t kFreeBytes = 64 * 1024;

  BodyBudget(size_t bytes_max, Metrics& metrics);

  // The bodies of one request and its response. Used by one thread at a time.
  class Share {
   public:
    // `user` is the name of the token; empty without tokens.
    Share(BodyBudget& budget, std::string user) : budget_(budget), user_(std::move(user)) {}
    ~Share() { Force(0); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // Changes the size of the bodies. Returns false, and changes nothing, if that exceeds a limit.
    bool Resize(size_t bytes) { return budget_.Resize(*this, bytes, /*must=*/false); }
    // The same without limits, for a response that has begun.
    void Force(size_t bytes) { budget_.Resize(*this, bytes, /*must=*/true); }
    // The most bytes that ever fit.
    size_t bytes_max() const { return budget_.UserMax(*this); }

   private:
    friend class BodyBudget;
    BodyBudget& budget_;
    const std::string user_;
    size_t counted_ = 0;
  };

 private:
  bool Resize(Share& share, size_t bytes, bool must);
  size_t UserMax(const Share& share) const;

  const size_t bytes_max_;
  prometheus::Gauge& bytes_gauge_;
  prometheus::Counter& refused_;
  Mutex mutex_;
  size_t bytes_ TARN_GUARDED_BY(mutex_) = 0;
  std::map<std::string, size_t> users_ TARN_GUARDED_BY(mutex_);  // The bytes of each token.
};

}  // namespace tarn::http
