#include "auth/token_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "auth/failure_throttle.h"
#include "auth/token_store.h"

namespace tarn::auth {
namespace {

using testing::HasSubstr;
using testing::Not;

class TokenFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "tokens-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    path = folder + "/tokens.toml";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path;

 private:
  std::string folder_;
};

Identity MakeIdentity(const std::string& name) {
  return {.name = name, .roles = {Role::kQuery}, .datasets = {}};
}

TEST(Token, VerifiesTheSecret) {
  const NewToken made = MakeToken(MakeIdentity("a"));
  TokenText parts;
  ASSERT_TRUE(SplitToken(made.text, parts));
  EXPECT_EQ(parts.id, made.token.id);
  EXPECT_TRUE(Matches(made.token, parts.secret));
  std::string other(parts.secret);
  other.back() = other.back() == 'x' ? 'y' : 'x';
  EXPECT_FALSE(Matches(made.token, other));
  EXPECT_FALSE(Matches(made.token, ""));
  EXPECT_FALSE(Matches(MakeToken(MakeIdentity("a")).token, parts.secret)) << "another token";
  // The file does not contain the secret.
  EXPECT_THAT(FormatTokens({made.token}), Not(HasSubstr(std::string(parts.secret))));
}

TEST(Token, RejectsMalformedTokens) {
  TokenText parts;
  const std::string text = MakeToken(MakeIdentity("a")).text;
  for (const std::string& wrong : {std::string(), std::string("tarn_"), text.substr(1), text + "x",
                                   text.substr(0, 30), "Tarn_" + text.substr(5)}) {
    EXPECT_FALSE(SplitToken(wrong, parts)) << wrong;
  }
}

TEST_F(TokenFileTest, RoundTripsTokens) {
  const NewToken all = MakeToken({.name = "etl@host", .roles = Roles::All(), .datasets = {}});
  const NewToken some = MakeToken({.name = "b",
                                   .roles = {Role::kQuery, Role::kCatalog},
                                   .datasets = DatasetScope::Of({"z", "a \"q\"\n*", "z"})});
  const NewToken none =
      MakeToken({.name = "c", .roles = {Role::kQuery}, .datasets = DatasetScope::Of({})});
  ASSERT_TRUE(WriteTokenFile(path, {all.token, some.token, none.token}).ok());
  const Result<std::vector<Token>> read = ReadTokenFile(path);
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->size(), 3U);
  EXPECT_EQ(read->at(0).identity.name, "etl@host");
  EXPECT_EQ(read->at(0).identity.roles.Names(), "query, catalog, admin");
  EXPECT_TRUE(read->at(0).identity.datasets.is_all());
  EXPECT_EQ(read->at(1).identity.datasets, DatasetScope::Of({"a \"q\"\n*", "z"}));
  EXPECT_FALSE(read->at(2).identity.datasets.is_all()) << "an empty list is not all";
  EXPECT_EQ(read->at(1).hash, some.token.hash);
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(TokenFileTest, RejectsInvalidFilesWithoutShowingSecrets) {
  const NewToken made = MakeToken(MakeIdentity("a"));
  const std::string good = FormatTokens({made.token});
  const auto error = [](const std::string& text) {
    const Result<std::vector<Token>> parsed = ParseTokens(text, "tokens.toml");
    return parsed.ok() ? std::string("none") : parsed.error().message;
  };
  EXPECT_EQ(error(good), "none");
  EXPECT_EQ(error(""), "none");
  EXPECT_EQ(error(good + "dataset = [\"x\"]\n"),
            "tokens.toml: token \"a\": unknown key \"dataset\"");
  EXPECT_EQ(error(good + "datasets = \"x\"\n"),
            "tokens.toml: token \"a\": datasets must be a list of strings");
  EXPECT_EQ(error(good + good.substr(good.find("[[token]]"))),
            "tokens.toml: duplicate token \"a\"");
  EXPECT_THAT(error("[[token]]\nname = \"a b\"\n"), HasSubstr("token 1: a token's name has 1 to"));
  EXPECT_EQ(error("x = 1"), "tokens.toml: only [[token]] entries are allowed");
  EXPECT_EQ(error("[["), "tokens.toml: not TOML (line 1)");
  const auto with = [&good](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_EQ(error(with("\"query\"", "\"queries\"")),
            "tokens.toml: token \"a\": unknown role \"queries\": must be query, catalog or "
            "admin");
  EXPECT_EQ(error(with("\"query\"", "\"admin\"") + "datasets = []\n"),
            "tokens.toml: token \"a\": role admin sees all queries, so datasets cannot limit it");
  EXPECT_THAT(error(with(made.token.hash, made.token.hash.substr(1))), HasSubstr("hash must be"));
}

TEST_F(TokenFileTest, RoundTripsKeyPrefixes) {
  Identity limited{.name = "a", .roles = {Role::kCatalog}, .datasets = DatasetScope::Of({"a_*"})};
  const NewToken without = MakeToken(limited);
  limited.name = "b";
  limited.key_prefixes = {"b/", "shared/days.parquet"};
  const NewToken with = MakeToken(limited);
  limited.name = "c";
  limited.key_prefixes.emplace();
  const NewToken none = MakeToken(limited);
  const NewToken all = MakeToken({.name = "d", .roles = {Role::kCatalog}, .datasets = {}});
  const std::string text = FormatTokens({without.token, with.token, none.token, all.token});
  const auto read = ParseTokens(text, path);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->at(0).identity.key_prefixes, std::nullopt);
  EXPECT_FALSE(read->at(0).identity.Keys().Allows("a/x")) << "limited to datasets, and no prefix";
  EXPECT_TRUE(read->at(1).identity.Keys().Allows("b/x"));
  EXPECT_FALSE(read->at(1).identity.Keys().Allows("a/x"));
  EXPECT_FALSE(read->at(2).identity.Keys().Allows("a/x"));
  EXPECT_TRUE(read->at(3).identity.Keys().Allows("a/x"));
  const auto wrong = ParseTokens(FormatTokens({all.token}) + "prefixes = [\"../\"]\n", "f");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().message,
            "f: token \"d\": prefix \"../\": must not have a segment \".\" or \"..\"");
}

TEST_F(TokenFileTest, RoundTripsTheWeight) {
  const NewToken plain = MakeToken(MakeIdentity("a"));
  NewToken heavy = MakeToken(MakeIdentity("b"));
  heavy.token.identity.weight = 7;
  const std::string text = FormatTokens({plain.token, heavy.token});
  const auto read = ParseTokens(text, path);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->at(0).identity.weight, 1U);
  EXPECT_EQ(read->at(1).identity.weight, 7U);
  for (const std::string wrong : {"0", "-1", "101", "2.0", "\"2\""}) {
    const auto refused = ParseTokens(FormatTokens({plain.token}) + "weight = " + wrong, "f");
    ASSERT_FALSE(refused.ok()) << wrong;
    EXPECT_EQ(refused.error().message,
              "f: token \"a\": weight must be a whole number from 1 to 100");
  }
}

TEST_F(TokenFileTest, FindsTheOnlyTokenThatMayQuery) {
  Metrics metrics;
  const NewToken reader = MakeToken(MakeIdentity("a"));
  const NewToken loader = MakeToken({.name = "b", .roles = {Role::kCatalog}, .datasets = {}});
  ASSERT_TRUE(WriteTokenFile(path, {reader.token, loader.token}).ok());
  const auto store = TokenStore::Open(path, metrics);
  ASSERT_TRUE(store.ok()) << store.error().message;
  EXPECT_TRUE((*store)->Find(reader.text)->is_sole_query_token);
  EXPECT_FALSE((*store)->Find(loader.text)->is_sole_query_token);
  const NewToken other = MakeToken(MakeIdentity("c"));
  ASSERT_TRUE(WriteTokenFile(path, {reader.token, loader.token, other.token}).ok());
  const auto both = TokenStore::Open(path, metrics);
  ASSERT_TRUE(both.ok()) << both.error().message;
  EXPECT_FALSE((*both)->Find(reader.text)->is_sole_query_token);
}

TEST(KeyScope, AllowsKeysBelowItsPrefixes) {
  EXPECT_TRUE(KeyScope().Allows("anything"));
  EXPECT_FALSE(KeyScope::Of({}).Allows("anything"));
  const KeyScope scope = KeyScope::Of({"tenant_a/", "shared/days.parquet", "x/y=1/"});
  for (const char* key :
       {"tenant_a/x", "tenant_a/b/c.parquet", "tenant_a/...", "tenant_a/a..b/.x", "tenant_a/100%",
        "tenant_a/day=2026%2F01/x", "tenant_a/*.parquet", "shared/days.parquet", "x/y=1/z"}) {
    EXPECT_TRUE(scope.Allows(key)) << key;
  }
  for (const char* key : {"",
                          "tenant_a",
                          "tenant_a/",
                          "tenant_b/x",
                          "Tenant_a/x",
                          "tenant_a2/x",
                          "x/y=12/z",
                          "/tenant_a/x",
                          "//tenant_a/x",
                          "s3://lake/tenant_a/x",
                          "s3://other/x",
                          "./tenant_a/x",
                          "tenant%5Fa/x",
                          "tenant_a%2Fx",
                          "shared/days.parquet/x",
                          "shared/days.parque",
                          "shared/days.parquet2",
                          "tenant_a/../tenant_b/x",
                          "tenant_a/./x",
                          "tenant_a/..",
                          "tenant_a/b/../../tenant_b/x",
                          "tenant_a/%2e%2e/tenant_b/x",
                          "tenant_a/%2E./tenant_b/x",
                          "tenant_a/..%2ftenant_b/x",
                          "tenant_a/%252e%252e/tenant_b/x",
                          "tenant_a/%2e%2e/100%/x",
                          "tenant_a/%zz/%2E%2E",
                          "tenant_a/..\\tenant_b",
                          "tenant_a/%25252525252525252525252525",
                          "tenant_a/%5c..%5Ctenant_b"}) {
    EXPECT_FALSE(scope.Allows(key)) << key;
  }
}

TEST(KeyScope, FindsTheFolderOfAKey) {
  EXPECT_EQ(KeyScope::FolderOf("a/b/c.parquet"), "a/b/");
  EXPECT_EQ(KeyScope::FolderOf("a/b/"), "a/");
  for (const char* key : {"", "/", "c.parquet", "a/", "a/../b/c", "a/%2e./b/c", "a\\..\\b/c"}) {
    EXPECT_EQ(KeyScope::FolderOf(key), "") << key;
  }
}

TEST(KeyScope, AllowsAFolderOnlyBelowItsPrefixes) {
  EXPECT_TRUE(KeyScope().AllowsFolder(""));
  EXPECT_FALSE(KeyScope::Of({}).AllowsFolder("a/"));
  const KeyScope scope = KeyScope::Of({"tenant_a/", "shared/days.parquet"});
  EXPECT_TRUE(scope.AllowsFolder("tenant_a/"));
  EXPECT_TRUE(scope.AllowsFolder("tenant_a/b/"));
  for (const char* folder : {"", "tenant_ab/", "shared/", "tenant", "/tenant_a/"}) {
    EXPECT_FALSE(scope.AllowsFolder(folder)) << folder;
  }
}

TEST(KeyScope, ValidatesPrefixes) {
  for (const char* prefix : {"a/", "a", "a/b.parquet", "a/b/c/", "é/", "day=2026%2F01/", ".x/"}) {
    EXPECT_TRUE(ValidateKeyPrefix(prefix).ok()) << prefix;
  }
  for (const std::string& prefix :
       {std::string(), std::string("/"), std::string("/a/"), std::string("a//b/"),
        std::string("s3://lake/a/"), std::string("a/*"), std::string("a/../"), std::string("./"),
        std::string("a/%2e%2e/"), std::string("a\n/"), std::string("\xFF/"),
        std::string(1025, 'a')}) {
    EXPECT_FALSE(ValidateKeyPrefix(prefix).ok()) << prefix;
  }
}

TEST(DatasetScope, MatchesPatterns) {
  EXPECT_TRUE(DatasetScope().Allows("anything"));
  EXPECT_FALSE(DatasetScope::Of({}).Allows("anything"));
  const DatasetScope scope = DatasetScope::Of({"sales", "eu_*", "*_public", "a*b*c"});
  for (const char* name :
       {"sales", "eu_", "eu_x", "x_public", "_public", "abc", "a__b__c", "abcbc"}) {
    EXPECT_TRUE(scope.Allows(name)) << name;
  }
  for (const char* name : {"Sales", "sale", "sales2", "x_eu_", "_public_", "ab", "acb", ""}) {
    EXPECT_FALSE(scope.Allows(name)) << name;
  }
  EXPECT_TRUE(DatasetScope::Of({"*"}).Allows(""));
  EXPECT_TRUE(DatasetScope::Of({"a", "b", "a"}) == DatasetScope::Of({"b", "a"}));
}

TEST_F(TokenFileTest, ReloadsAChangedFile) {
  const NewToken first = MakeToken(MakeIdentity("first"));
  const NewToken second = MakeToken(MakeIdentity("second"));
  ASSERT_TRUE(WriteTokenFile(path, {first.token}).ok());
  Metrics metrics;
  const Result<std::unique_ptr<TokenStore>> store = TokenStore::Open(path, metrics);
  ASSERT_TRUE(store.ok()) << store.error().message;
  EXPECT_EQ((*store)->Find(first.text)->name, "first");
  EXPECT_EQ((*store)->Find(second.text), nullptr);
  EXPECT_EQ((*store)->Find(first.text.substr(0, 18) + second.text.substr(18)), nullptr)
      << "a known id with another's secret";
  EXPECT_EQ((*store)->Find(""), nullptr);

  const auto becomes = [&](const std::string& token, bool known) {
    const Deadline deadline = Deadline::After(std::chrono::seconds(20));
    while (((*store)->Find(token) != nullptr) != known && !deadline.Passed()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return ((*store)->Find(token) != nullptr) == known;
  };
  ASSERT_TRUE(WriteTokenFile(path, {second.token}).ok());
  EXPECT_TRUE(becomes(second.text, true));
  EXPECT_EQ((*store)->Find(first.text), nullptr) << "it was revoked";

  std::ofstream(path) << "[[";
  const Deadline deadline = Deadline::After(std::chrono::seconds(20));
  const std::string failed = "tarn_token_reloads_total{result=\"error\"} 1";
  while (metrics.Render().find(failed) == std::string::npos && !deadline.Passed()) {
    EXPECT_NE((*store)->Find(second.text), nullptr) << "a broken file revokes no token";
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_THAT(metrics.Render(), HasSubstr(failed));
  EXPECT_NE((*store)->Find(second.text), nullptr);
}

TEST_F(TokenFileTest, RejectsAFileReadableByOthers) {
  ASSERT_TRUE(WriteTokenFile(path, {}).ok());
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  Metrics metrics;
  const auto store = TokenStore::Open(path, metrics);
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(store.error().message, HasSubstr("chmod 600"));
}

TEST(FailureThrottle, IncreasesTheDelayAndResetsIt) {
  FailureThrottle throttle;
  auto now = FailureThrottle::Clock::now();
  std::vector<int64_t> delays;
  for (int i = 0; i < 8; ++i) {
    const auto delay = throttle.RecordFailure("a", now);
    ASSERT_TRUE(delay);
    delays.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(*delay).count());
    throttle.Done("a");
  }
  EXPECT_THAT(delays, testing::ElementsAre(100, 200, 400, 800, 1600, 3200, 5000, 5000));
  EXPECT_EQ(throttle.RecordFailure("b", now), FailureThrottle::kDelayMin) << "another address";
  now += FailureThrottle::kForgetAfter + std::chrono::seconds(1);
  EXPECT_EQ(throttle.RecordFailure("a", now), FailureThrottle::kDelayMin);
}

TEST(FailureThrottle, LimitsTheDelayedResponsesOfAnAddress) {
  FailureThrottle throttle;
  for (size_t i = 0; i < FailureThrottle::kWaitingMax; ++i)
    EXPECT_TRUE(throttle.RecordFailure("a"));
  EXPECT_FALSE(throttle.RecordFailure("a"));
  EXPECT_TRUE(throttle.RecordFailure("b"));
  throttle.Done("a");
  EXPECT_TRUE(throttle.RecordFailure("a"));
}

TEST(FailureThrottle, LimitsTheNumberOfAddresses) {
  FailureThrottle throttle;
  for (size_t i = 0; i < FailureThrottle::kAddressesMax; ++i) {
    EXPECT_TRUE(throttle.RecordFailure(std::to_string(i)));
  }
  // Further addresses share one entry.
  for (size_t i = 0; i < FailureThrottle::kWaitingMax; ++i) {
    EXPECT_TRUE(throttle.RecordFailure("x" + std::to_string(i)));
  }
  EXPECT_FALSE(throttle.RecordFailure("one more"));
}

}  // namespace
}  // namespace tarn::auth
