#include "auth/authenticator.h"

#include <fmt/format.h>

namespace tarn::auth {
namespace {

prometheus::Counter& FailuresCounter(Metrics& metrics, const char* reason) {
  return metrics.Counter("tarn_auth_failures_total",
                         "Requests rejected by authentication or authorization",
                         {{"reason", reason}});
}

}  // namespace

Authenticator::Authenticator(TokenStore* tokens, Metrics& metrics)
    : tokens_(tokens),
      missing_(FailuresCounter(metrics, "no token")),
      unknown_(FailuresCounter(metrics, "unknown token")),
      forbidden_(FailuresCounter(metrics, "role")) {}

Authenticator::Outcome Authenticator::Authenticate(const Credentials& credentials) {
  if (tokens_ == nullptr) return Anonymous();
  if (!credentials.token) {
    missing_.Increment();
    return Refusal(NoToken{});
  }
  if (auto identity = tokens_->Find(*credentials.token)) return identity;
  unknown_.Increment();
  UnknownToken refusal;
  if (const auto time = throttle_.RecordFailure(credentials.address)) {
    refusal.delay.emplace(throttle_, credentials.address, *time);
  }
  return Refusal(std::move(refusal));
}

std::shared_ptr<const Identity> Authenticator::Recognize(
    const std::optional<std::string_view>& token) {
  if (tokens_ == nullptr) return Anonymous();
  const auto identity = tokens_->Find(token.value_or(""));
  return identity == nullptr ? Unauthenticated() : identity;
}

Result<> Authenticator::RequireRole(const Identity& identity, Roles roles) {
  if (tokens_ == nullptr || identity.roles.HasAny(roles)) return {};
  forbidden_.Increment();
  return Error{ErrorKind::kForbidden,
               fmt::format("this needs a token with the role {}, yours has {}", roles.Names(),
                           identity.roles.empty() ? "none" : identity.roles.Names())};
}

}  // namespace tarn::auth
