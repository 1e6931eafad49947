#include "http/authorization.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "base/text.h"

namespace tarn::http {

namespace asio = boost::asio;

namespace {

constexpr std::string_view kChallenge = R"(Bearer realm="tarn")";

// Returns the token of "Bearer TOKEN"; empty for other values.
std::string_view BearerToken(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() <= kScheme.size() ||
      ToLowerAscii(header.substr(0, kScheme.size())) != kScheme) {
    return {};
  }
  return Trim(header.substr(kScheme.size()));
}

Response Unauthorized(const Request& request, std::string_view detail, std::string challenge) {
  Response response = RenderProblem(401, detail, request.WantsProblemJson());
  response.headers.emplace_back("WWW-Authenticate", std::move(challenge));
  return response;
}

}  // namespace

Authorization::Authorization(auth::TokenStore* tokens, Metrics& metrics, Duration log_interval)
    : tokens_(tokens),
      unknown_log_(std::make_shared<PeerLog>(
          log_interval,
          [](const PeerLog::Line& line) {
            log::Warn(
                "unknown token",
                {{"query_id", line.detail}, {"peer", line.peer}, {"suppressed", line.suppressed}});
          })),
      missing_(metrics.Counter("tarn_auth_failures_total",
                               "Requests rejected by authentication or authorization",
                               {{"reason", "no token"}})),
      unknown_(metrics.Counter("tarn_auth_failures_total",
                               "Requests rejected by authentication or authorization",
                               {{"reason", "unknown token"}})),
      forbidden_(metrics.Counter("tarn_auth_failures_total",
                                 "Requests rejected by authentication or authorization",
                                 {{"reason", "role"}})) {}

asio::awaitable<std::optional<Response>> Authorization::Refuse(Request& request, const Route& route,
                                                               const std::string& peer) {
  request.identity = auth::Anonymous();
  if (tokens_ == nullptr) co_return std::nullopt;
  const std::string_view header = request.Header("Authorization");
  if (route.is_public) {
    const auto known = tokens_->Find(BearerToken(header));
    request.identity = known == nullptr ? auth::Unauthenticated() : known;
    co_return std::nullopt;
  }
  if (header.empty()) {
    missing_.Increment();
    co_return Unauthorized(request, "a token is required: Authorization: Bearer TOKEN",
                           std::string(kChallenge));
  }
  request.identity = tokens_->Find(BearerToken(header));
  if (request.identity == nullptr) {
    unknown_.Increment();
    Response refusal = co_await RefuseUnknown(request, peer);
    co_return std::move(refusal);
  }
  if (request.identity->roles.HasAny(route.roles)) co_return std::nullopt;
  forbidden_.Increment();
  co_return RenderProblem(
      403,
      fmt::format("this needs a token with the role {}, yours has {}", route.roles.Names(),
                  request.identity->roles.empty() ? "none" : request.identity->roles.Names()),
      request.WantsProblemJson());
}

asio::awaitable<Response> Authorization::RefuseUnknown(const Request& request,
                                                       const std::string& peer) {
  unknown_log_->Add(co_await asio::this_coro::executor, peer, request.id);
  const std::optional<Duration> delay = throttle_.RecordFailure(peer);
  if (!delay) {
    Response response =
        RenderProblem(429, "too many wrong tokens, try again later", request.WantsProblemJson());
    response.headers.emplace_back("Retry-After", "5");
    co_return response;
  }
  asio::steady_timer timer(co_await asio::this_coro::executor, *delay);
  // A disconnected client does not have to wait, and its connection can be closed.
  request.client->OnDisconnect([&timer] { timer.cancel(); });
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  request.client->OnDisconnect(nullptr);
  throttle_.Done(peer);
  co_return Unauthorized(request, "the token is unknown or has been revoked",
                         fmt::format(R"({}, error="invalid_token")", kChallenge));
}

}  // namespace tarn::http
