#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "auth/authenticator.h"
#include "http/peer_log.h"
#include "http/router.h"

namespace tarn::http {

// Checks the bearer token (RFC 6750) of a request against the roles of its route, and renders the
// refusals of the authenticator. Without tokens every request is allowed; the server then listens
// only on loopback, or with allow_anonymous.
class Authorization {
 public:
  // `tokens` is null to disable authentication.
  Authorization(auth::TokenStore* tokens, Metrics& metrics, Duration log_interval);

  bool RequiresTokens() const { return authenticator_.RequiresTokens(); }

  // Sets request.identity, or returns the refusal: 401 for a missing token; 401 after a delay for
  // an unknown token; 429 if too many unknown tokens are already delayed; 403 if the token's roles
  // do not suffice.
  boost::asio::awaitable<std::optional<Response>> Refuse(Request& request, const Route& route,
                                                         const std::string& peer);

 private:
  boost::asio::awaitable<Response> RefuseUnknown(const Request& request, const std::string& peer,
                                                 auth::Authenticator::UnknownToken refusal);

  auth::Authenticator authenticator_;
  const std::shared_ptr<PeerLog> unknown_log_;
};

}  // namespace tarn::http
