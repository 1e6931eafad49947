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

// Checks the bearer token (RFC 6750) of a request against the roles of its route. Without a token
// store every request is allowed; the server then listens only on loopback, or with
// allow_anonymous.
class Authorization {
 public:
  // `tokens` is null to disable authentication.
  Authorization(auth::TokenStore* tokens, Metrics& metrics, Duration log_interval);

  bool RequiresTokens() const { return tokens_ != nullptr; }

  // Sets request.identity, or returns the refusal: 401 for a missing token; 401 after a delay for
  // an unknown token; 429 if too many unknown tokens are already delayed; 403 if the token's roles
  // do not suffice.
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
