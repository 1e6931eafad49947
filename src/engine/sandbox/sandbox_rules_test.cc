// Tests which files and ports the sandbox allows for a set-up.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sandbox/sandbox.h"

namespace tarn::engine {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

const char* NoVariables(const char* /*name*/) { return nullptr; }

std::vector<uint16_t> PortsFor(const std::string& host, bool use_ssl,
                               const char* (*environment)(const char*) = NoVariables) {
  protocol::Setup setup;
  setup.store.root = "s3://bucket/";
  setup.store.host = host;
  setup.store.use_ssl = use_ssl;
  return RulesOf(setup, environment).connect;
}

TEST(SandboxRules, AllowPortsOfTheStoreAndDns) {
  EXPECT_THAT(PortsFor("", true), UnorderedElementsAre(53, 443));
  EXPECT_THAT(PortsFor("", false), UnorderedElementsAre(53, 80));
  EXPECT_THAT(PortsFor("minio", false), UnorderedElementsAre(53, 80));
  EXPECT_THAT(PortsFor("minio:9000", true), UnorderedElementsAre(53, 9000));
  EXPECT_THAT(PortsFor("[::1]:9000", true), UnorderedElementsAre(53, 9000));
  EXPECT_THAT(PortsFor("[::1]", true), UnorderedElementsAre(53, 443));
}

TEST(SandboxRules, AllowThePortOfAProxy) {
  const auto with_port = [](const char* name) -> const char* {
    return std::string_view(name) == "HTTP_PROXY" ? "http://user:word@proxy:3128/" : nullptr;
  };
  EXPECT_THAT(PortsFor("", true, with_port), UnorderedElementsAre(53, 443, 3128));
  const auto without = [](const char* name) -> const char* {
    return std::string_view(name) == "https_proxy" ? "proxy" : nullptr;
  };
  EXPECT_THAT(PortsFor("minio:9000", true, without), UnorderedElementsAre(53, 9000, 80, 443, 1080));
}

TEST(SandboxRules, AllowFilesOfTheSetUp) {
  protocol::Setup setup{.httpfs_path = "/x/httpfs"};
  const auto variables = [](const char* name) -> const char* {
    if (std::string_view(name) == "HOME") return "/home/u";
    return std::string_view(name) == "SSL_CERT_FILE" ? "/own/ca.pem" : nullptr;
  };
  LandlockRules rules = RulesOf(setup, variables);
  EXPECT_THAT(rules.write, IsEmpty());
  EXPECT_THAT(rules.read, Contains("/x/httpfs"));
  EXPECT_THAT(rules.read, Contains("/own/ca.pem"));
  EXPECT_THAT(rules.read, Contains("/home/u/.duckdb/extensions"));
  setup.temp_directory = "/tmp/t";
  setup.store = protocol::ObjectStore::Folder("/srv/lake");
  rules = RulesOf(setup, variables);
  EXPECT_THAT(rules.write, ElementsAre("/tmp/t"));
  EXPECT_THAT(rules.read, Contains("/srv/lake/"));
  EXPECT_THAT(rules.list, IsEmpty());
  EXPECT_THAT(rules.read, Not(Contains(HasSubstr("/home/u"))));
  EXPECT_THAT(rules.connect, IsEmpty());
  setup.store = protocol::ObjectStore::Folder("/srv/a/b [1]/c*/lake");
  EXPECT_THAT(RulesOf(setup, variables).list, ElementsAre("/srv/a/"));
}

}  // namespace
}  // namespace tarn::engine
