#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "auth/failure_throttle.h"
#include "auth/token_store.h"
#include "base/metrics.h"
#include "http/peer_log.h"
#include "http/router.h"

namespace tarn::http {

// Decides whether a request may have its route, by its bearer token (RFC 6750). Without tokens
// everybody may do everything, and the server only listens where it was told that this is meant.
class Authorization {
 public:
  // No tokens: null.
  Authorization(auth::TokenStore* tokens, Metrics& metrics, Duration log_interval);

  bool RequiresTokens() const { return tokens_ != nullptr; }

  // Fills in request.identity. Otherwise what to answer: 401 without a good token, after a while
  // where it is a wrong one; 429 when too many of those wait; 403 when its roles do not suffice.
  boost::asio::awaitable<std::optional<Response>> Refuse(Request& request, const Route& route,
                                                         const std::string& peer);

 private:
  boost::asio::awaitable<Response> RefuseUnknown(const Request& request, const std::string& peer);

  auth::TokenStore* const tokens_;
  auth::FailureThrottle throttle_;
  const std::shared_ptr<PeerLog> unknown_log_;
  prometheus::Counter& missing_;
  prometheus::Counter& unknown_;
  prometheus::Counter& forbidden_;
};

}  // namespace tarn::http
