#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "auth/failure_throttle.h"
#include "auth/identity.h"
#include "auth/token_store.h"
#include "base/metrics.h"

namespace tarn::auth {

// Finds the identity of a client by its token. Independent of the wire protocol: the wire reads the
// token from its request, waits for the delay of a refusal, and renders the refusal.
//
// Thread-safe.
class Authenticator {
 public:
  // `tokens` is null to disable authentication; else it outlives the authenticator.
  Authenticator(TokenStore* tokens, Metrics& metrics);
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  bool RequiresTokens() const { return tokens_ != nullptr; }

  struct Credentials {
    std::optional<std::string_view> token;  // nullopt: the client sent none.
    std::string address;                    // The client's address.
  };

  // A response to an unknown token that is being delayed. At most FailureThrottle::kWaitingMax of
  // an address exist.
  class Delay {
   public:
    Delay(FailureThrottle& throttle, std::string address, Duration time)
        : throttle_(&throttle), address_(std::move(address)), time_(time) {}
    Delay(Delay&& other) noexcept
        : throttle_(std::exchange(other.throttle_, nullptr)),
          address_(std::move(other.address_)),
          time_(other.time_) {}
    Delay& operator=(Delay&&) = delete;
    ~Delay() {
      if (throttle_ != nullptr) throttle_->Done(address_);
    }
    Duration time() const { return time_; }

   private:
    FailureThrottle* throttle_;
    std::string address_;
    Duration time_;
  };

  struct NoToken {};
  struct UnknownToken {
    std::optional<Delay> delay;  // nullopt: too many responses of the address are delayed already.
  };
  using Refusal = std::variant<NoToken, UnknownToken>;
  using Outcome = std::variant<std::shared_ptr<const Identity>, Refusal>;
  Outcome Authenticate(const Credentials& credentials);

  // The identity for a route that requires no token: that of a known token, else Unauthenticated().
  std::shared_ptr<const Identity> Recognize(const std::optional<std::string_view>& token);

  // Checks that an identity has one of the roles. kForbidden otherwise.
  Result<> RequireRole(const Identity& identity, Roles roles);

 private:
  TokenStore* const tokens_;
  FailureThrottle throttle_;
  prometheus::Counter& missing_;
  prometheus::Counter& unknown_;
  prometheus::Counter& forbidden_;
};

}  // namespace tarn::auth
