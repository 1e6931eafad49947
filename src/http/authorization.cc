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

// nullopt if the client sent no credentials.
std::optional<std::string_view> TokenOf(const Request& request) {
  const std::string_view header = request.Header("Authorization");
  if (header.empty()) return std::nullopt;
  return BearerToken(header);
}

Response Unauthorized(const Request& request, std::string_view detail, std::string challenge) {
  Response response = RenderProblem(401, detail, request.WantsProblemJson());
  response.headers.emplace_back("WWW-Authenticate", std::move(challenge));
  return response;
}

}  // namespace

Authorization::Authorization(auth::TokenStore* tokens, Metrics& metrics, Duration log_interval)
    : authenticator_(tokens, metrics),
      unknown_log_(std::make_shared<PeerLog>(log_interval, [](const PeerLog::Line& line) {
        log::Warn(
            "unknown token",
            {{"query_id", line.detail}, {"peer", line.peer}, {"suppressed", line.suppressed}});
      })) {}

asio::awaitable<std::optional<Response>> Authorization::Refuse(Request& request, const Route& route,
                                                               const std::string& peer) {
  using auth::Authenticator;
  const std::optional<std::string_view> token = TokenOf(request);
  if (route.is_public) {
    request.identity = authenticator_.Recognize(token);
    co_return std::nullopt;
  }
  Authenticator::Outcome outcome = authenticator_.Authenticate({.token = token, .address = peer});
  if (auto* refusal = std::get_if<Authenticator::Refusal>(&outcome)) {
    request.identity = auth::Unauthenticated();
    auto* unknown = std::get_if<Authenticator::UnknownToken>(refusal);
    if (unknown == nullptr) {
      co_return Unauthorized(request, "a token is required: Authorization: Bearer TOKEN",
                             std::string(kChallenge));
    }
    Response response = co_await RefuseUnknown(request, peer, std::move(*unknown));
    co_return response;
  }
  request.identity = std::get<std::shared_ptr<const auth::Identity>>(std::move(outcome));
  const Result<> may = authenticator_.RequireRole(*request.identity, route.roles);
  if (may.ok()) co_return std::nullopt;
  co_return RenderProblem(403, may.error().message, request.WantsProblemJson());
}

asio::awaitable<Response> Authorization::RefuseUnknown(const Request& request,
                                                       const std::string& peer,
                                                       auth::Authenticator::UnknownToken refusal) {
  unknown_log_->Add(co_await asio::this_coro::executor, peer, request.id);
  if (!refusal.delay) {
    Response response =
        RenderProblem(429, "too many wrong tokens, try again later", request.WantsProblemJson());
    response.headers.emplace_back("Retry-After", "5");
    co_return response;
  }
  asio::steady_timer timer(co_await asio::this_coro::executor, refusal.delay->time());
  // A disconnected client does not have to wait, and its connection can be closed.
  request.client->OnDisconnect([&timer] { timer.cancel(); });
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  request.client->OnDisconnect(nullptr);
  co_return Unauthorized(request, "the token is unknown or has been revoked",
                         fmt::format(R"({}, error="invalid_token")", kChallenge));
}

}  // namespace tarn::http
