#include "auth/authenticator.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/text.h"

namespace tarn::auth {
namespace {

using Refusal = Authenticator::Refusal;
using UnknownToken = Authenticator::UnknownToken;

class AuthenticatorTest : public testing::Test {
 protected:
  const std::string path = testing::TempDir() + "tarn-tokens-" + RandomId();
  const NewToken alice = MakeToken({.name = "alice", .roles = {Role::kQuery}, .datasets = {}});
  Metrics metrics;
  std::unique_ptr<TokenStore> store;
  std::unique_ptr<Authenticator> authenticator;

  void SetUp() override {
    ASSERT_TRUE(WriteTokenFile(path, {alice.token}).ok());
    auto opened = TokenStore::Open(path, metrics);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store = std::move(*opened);
    authenticator = std::make_unique<Authenticator>(store.get(), metrics);
  }
  ~AuthenticatorTest() override { std::filesystem::remove(path); }

  // The delay of the response to an unknown token; nullopt if there are too many.
  std::optional<Authenticator::Delay> DelayOf(const std::string& address) {
    auto outcome = authenticator->Authenticate({.token = "wrong", .address = address});
    return std::move(std::get<UnknownToken>(std::get<Refusal>(outcome)).delay);
  }
  bool HasMetric(const std::string& line) const {
    return metrics.Render().find(line) != std::string::npos;
  }
};

TEST_F(AuthenticatorTest, ReturnsTheIdentityOfAToken) {
  EXPECT_TRUE(authenticator->RequiresTokens());
  const auto outcome = authenticator->Authenticate({.token = alice.text, .address = "a"});
  const auto& identity = std::get<std::shared_ptr<const Identity>>(outcome);
  EXPECT_EQ(identity->name, "alice");
  EXPECT_TRUE(authenticator->RequireRole(*identity, {Role::kQuery, Role::kAdmin}).ok());
  const Result<> refused = authenticator->RequireRole(*identity, {Role::kCatalog});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(refused.error().message, "this needs a token with the role catalog, yours has query");
  EXPECT_TRUE(HasMetric("tarn_auth_failures_total{reason=\"role\"} 1"));
}

TEST_F(AuthenticatorTest, RefusesARequestWithoutAToken) {
  const auto outcome = authenticator->Authenticate({.address = "a"});
  EXPECT_TRUE(std::holds_alternative<Authenticator::NoToken>(std::get<Refusal>(outcome)));
  EXPECT_TRUE(HasMetric("tarn_auth_failures_total{reason=\"no token\"} 1"));
}

TEST_F(AuthenticatorTest, DelaysTheRefusalOfAnUnknownTokenLongerEachTime) {
  const auto first = DelayOf("a");
  const auto second = DelayOf("a");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->time(), FailureThrottle::kDelayMin);
  EXPECT_EQ(second->time(), 2 * FailureThrottle::kDelayMin);
  EXPECT_TRUE(HasMetric("tarn_auth_failures_total{reason=\"unknown token\"} 2"));
}

TEST_F(AuthenticatorTest, LimitsTheDelaysOfAnAddress) {
  std::vector<Authenticator::Delay> delays;
  for (size_t i = 0; i < FailureThrottle::kWaitingMax; ++i) {
    auto delay = DelayOf("a");
    ASSERT_TRUE(delay);
    delays.push_back(std::move(*delay));
  }
  EXPECT_FALSE(DelayOf("a"));
  EXPECT_TRUE(DelayOf("b")) << "another address";
  const auto valid = authenticator->Authenticate({.token = alice.text, .address = "a"});
  EXPECT_TRUE(std::holds_alternative<std::shared_ptr<const Identity>>(valid));
  delays.pop_back();
  EXPECT_TRUE(DelayOf("a")) << "the end of a delay makes room";
}

TEST_F(AuthenticatorTest, RecognizesAnOptionalToken) {
  EXPECT_EQ(authenticator->Recognize(alice.text)->name, "alice");
  EXPECT_EQ(authenticator->Recognize(std::nullopt), Unauthenticated());
  EXPECT_EQ(authenticator->Recognize("wrong"), Unauthenticated());
  EXPECT_FALSE(HasMetric("tarn_auth_failures_total{reason=\"unknown token\"} 1"));
}

TEST_F(AuthenticatorTest, AllowsEverythingWithoutTokens) {
  Authenticator open(nullptr, metrics);
  EXPECT_FALSE(open.RequiresTokens());
  const auto outcome = open.Authenticate({.address = "a"});
  EXPECT_EQ(std::get<std::shared_ptr<const Identity>>(outcome), Anonymous());
  EXPECT_TRUE(open.RequireRole(*Unauthenticated(), {Role::kAdmin}).ok());
  EXPECT_EQ(open.Recognize(std::nullopt), Anonymous());
}

}  // namespace
}  // namespace tarn::auth
