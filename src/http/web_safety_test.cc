#include "http/web_safety.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::http {
namespace {

using testing::HasSubstr;

struct Sent {
  std::string method = "GET";
  Headers headers;
  unsigned version = 11;
};

class WebSafetyTest : public testing::Test {
 protected:
  static WebSafety Make(const std::vector<std::string>& hosts,
                        const std::vector<std::string>& origins = {}, bool loopback = true,
                        bool tls = false) {
    HttpSettings settings;
    settings.allowed_hosts = hosts;
    settings.allowed_origins = origins;
    Result<WebSafety> safety = WebSafety::FromSettings(settings);
    EXPECT_TRUE(safety.ok());
    safety->SetServer(loopback, tls);
    return *safety;
  }
  // Returns the status of the refusal; 0 for none.
  static int Check(const WebSafety& safety, const Sent& sent) {
    Request request;
    request.method = sent.method;
    request.headers = sent.headers;
    const WebSafety::Verdict verdict = safety.Check(request, sent.version);
    return verdict.refusal ? verdict.refusal->status : 0;
  }
  static int Host(const WebSafety& safety, const std::string& host) {
    return Check(safety, {.headers = {{"Host", host}}});
  }
  static int Body(const Headers& headers, const std::string& method = "POST") {
    Request request;
    request.method = method;
    request.headers = headers;
    request.headers.emplace_back("Host", "localhost:1");
    const WebSafety safety;
    const WebSafety::Verdict verdict = safety.Check(request, 11);
    EXPECT_FALSE(verdict.refusal) << verdict.refusal->detail;
    const auto refusal = WebSafety::CheckBody(request, verdict);
    return refusal ? refusal->status : 0;
  }
};

TEST_F(WebSafetyTest, RejectsPortsBeyond65535) {
  const WebSafety safety = Make({"tarn.example.com"});
  for (const char* host :
       {"localhost:65535", "localhost:0", "localhost:", "[::1]:80", "tarn.example.com:00080"}) {
    EXPECT_EQ(Host(safety, host), 0) << host;
  }
  for (const char* host : {"localhost:65536", "localhost:99999", "[::1]:99999", "localhost:-1",
                           "localhost:18446744073709551617"}) {
    EXPECT_EQ(Host(safety, host), 400) << host;
  }
  HttpSettings settings;
  settings.allowed_hosts = {"tarn.example.com:99999"};
  EXPECT_FALSE(WebSafety::FromSettings(settings).ok());
}

TEST_F(WebSafetyTest, RejectsSecondHeadersThatHaveOneValue) {
  const WebSafety safety = Make({});
  const auto with = [&](const Headers& more) {
    Headers headers = {{"Host", "localhost"}};
    headers.insert(headers.end(), more.begin(), more.end());
    return Check(safety, {.headers = headers});
  };
  EXPECT_EQ(with({{"Authorization", "Bearer a"}}), 0);
  EXPECT_EQ(with({{"Authorization", "Bearer a"}, {"authorization", "Bearer b"}}), 400);
  EXPECT_EQ(with({{"Authorization", "Bearer a"}, {"Authorization", "Bearer a"}}), 400);
  EXPECT_EQ(with({{"Sec-Fetch-Site", "none"}}), 0);
  EXPECT_EQ(with({{"Sec-Fetch-Site", ""}}), 400);
  EXPECT_EQ(with({{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "none"}}), 400);
  EXPECT_EQ(with({{"Sec-Fetch-Site", "cross-site"}}), 403);
}

TEST_F(WebSafetyTest, PrefersTheHostOfAnAbsoluteTarget) {
  const WebSafety safety = Make({"tarn.example.com"});
  const auto judge = [&](const std::string& authority, const Headers& headers, unsigned version) {
    Request request;
    request.method = "GET";
    request.authority = authority;
    request.headers = headers;
    const WebSafety::Verdict verdict = safety.Check(request, version);
    return verdict.refusal ? verdict.refusal->status : 0;
  };
  const Headers local = {{"Host", "localhost"}};
  const Headers evil = {{"Host", "evil.example"}};
  EXPECT_EQ(judge("localhost:3214", local, 11), 0);
  EXPECT_EQ(judge("Tarn.example.com", evil, 11), 0);
  EXPECT_EQ(judge("evil.example", local, 11), 403);
  EXPECT_EQ(judge("evil.example", {}, 10), 403);
  EXPECT_EQ(judge("localhost", {}, 10), 0);
  // Host is still required and must be well-formed.
  EXPECT_EQ(judge("localhost", {}, 11), 400);
  EXPECT_EQ(judge("localhost", {{"Host", "a b"}}, 11), 400);
  for (const char* bad : {"", ":80", "user@localhost", "localhost:x", "[::1"}) {
    EXPECT_EQ(judge(bad, local, 11), 400) << bad;
  }
  Request page;
  page.method = "GET";
  page.authority = "localhost:1";
  page.headers = {{"Host", "localhost:2"}, {"Origin", "http://localhost:1"}};
  EXPECT_FALSE(safety.Check(page, 11).refusal);
  page.headers[1].second = "http://localhost:2";
  EXPECT_EQ(safety.Check(page, 11).refusal->status, 403);
}

TEST_F(WebSafetyTest, AcceptsOnlyLocalAndAllowedHostsOnLoopback) {
  const WebSafety plain = Make({});
  for (const char* host : {"localhost", "localhost:3214", "LOCALHOST:1", "127.0.0.1",
                           "127.0.0.1:3214", "[::1]", "[::1]:80"}) {
    EXPECT_EQ(Host(plain, host), 0) << host;
  }
  for (const char* host : {"evil.example", "evil.example:3214", "localhost.evil.example",
                           "127.0.0.1.evil.example", "localhost.", "192.168.0.1", "[::2]", "x"}) {
    EXPECT_EQ(Host(plain, host), 403) << host;
  }
  for (const char* host : {"", ":80", "a b", "localhost/x", "evil@localhost", "localhost:80:80",
                           "[::1", "[::1]x", "localhost:999999", "localhost:x", "localhost,evil"}) {
    EXPECT_EQ(Host(plain, host), 400) << host;
  }
  const WebSafety named = Make({"Tarn.example.com", "other:8443"});
  EXPECT_EQ(Host(named, "tarn.example.com"), 0);
  EXPECT_EQ(Host(named, "tarn.EXAMPLE.com:99"), 0);
  EXPECT_EQ(Host(named, "other:8443"), 0);
  EXPECT_EQ(Host(named, "other:8444"), 403);
  EXPECT_EQ(Host(named, "other"), 403);
  EXPECT_EQ(Host(named, "localhost"), 0);
}

TEST_F(WebSafetyTest, AcceptsAnyHostElsewhereUnlessConfigured) {
  EXPECT_EQ(Host(Make({}, {}, false), "anything.example:1"), 0);
  const WebSafety named = Make({"tarn.example.com"}, {}, false);
  EXPECT_EQ(Host(named, "tarn.example.com:1"), 0);
  EXPECT_EQ(Host(named, "anything.example"), 403);
  EXPECT_EQ(Host(named, "localhost"), 403);
}

TEST_F(WebSafetyTest, RequiresExactlyOneHost) {
  const WebSafety safety;
  EXPECT_EQ(Check(safety, {}), 400);
  EXPECT_EQ(Check(safety, {.headers = {{"Host", "localhost"}, {"host", "localhost"}}}), 400);
  EXPECT_EQ(Check(safety, {.version = 10}), 0);
  EXPECT_EQ(Check(safety, {.headers = {{"Host", "evil"}}, .version = 10}), 403);
}

TEST_F(WebSafetyTest, AcceptsOnlyTheOwnAndAllowedOrigins) {
  const WebSafety safety = Make({}, {"https://app.example.com", "http://localhost:5173"});
  const auto origin = [&](const std::string& value, const std::string& host = "localhost:3214") {
    return Check(safety, {.headers = {{"Host", host}, {"Origin", value}}});
  };
  for (const char* good :
       {"http://localhost:3214", "http://LocalHost:3214", "https://app.example.com",
        "HTTPS://APP.example.com", "http://localhost:5173"}) {
    EXPECT_EQ(origin(good), 0) << good;
  }
  EXPECT_EQ(origin("http://localhost", "localhost:80"), 0);
  EXPECT_EQ(origin("http://localhost:80", "localhost"), 0);
  EXPECT_EQ(origin("http://[::1]:1", "[::1]:1"), 0);
  for (const char* bad :
       {"http://evil.example", "https://localhost:3214", "http://localhost:3215",
        "http://localhost", "http://127.0.0.1:3214", "null", "", "http://", "localhost:3214",
        "http://app.example.com", "https://app.example.com:8443",
        "https://app.example.com.evil.example", "https://xapp.example.com",
        "http://localhost:3214/", "http://evil@localhost:3214"}) {
    EXPECT_EQ(origin(bad), 403) << bad;
  }
  EXPECT_EQ(Check(safety, {.headers = {{"Host", "localhost"},
                                       {"Origin", "http://localhost"},
                                       {"Origin", "http://localhost"}}}),
            403);
  const WebSafety tls = Make({}, {}, true, true);
  EXPECT_EQ(Check(tls, {.headers = {{"Host", "localhost"}, {"Origin", "https://localhost:443"}}}),
            0);
  EXPECT_EQ(Check(tls, {.headers = {{"Host", "localhost"}, {"Origin", "http://localhost"}}}), 403);
}

TEST_F(WebSafetyTest, ChecksFetchMetadataWithoutOrigin) {
  const WebSafety safety = Make({}, {"https://app.example.com"});
  const auto judge = [&](const std::string& site, const std::string& mode = "no-cors",
                         const std::string& dest = "empty", const std::string& method = "GET") {
    return Check(safety, {.method = method,
                          .headers = {{"Host", "localhost"},
                                      {"Sec-Fetch-Site", site},
                                      {"Sec-Fetch-Mode", mode},
                                      {"Sec-Fetch-Dest", dest}}});
  };
  EXPECT_EQ(judge("same-origin"), 0);
  EXPECT_EQ(judge("none"), 0);
  EXPECT_EQ(judge("cross-site"), 403);
  EXPECT_EQ(judge("same-site"), 403);
  EXPECT_EQ(judge("what-comes-next"), 403);
  EXPECT_EQ(judge("cross-site", "no-cors", "image"), 403);
  // A link, and requests that resemble one.
  EXPECT_EQ(judge("cross-site", "navigate", "document"), 0);
  EXPECT_EQ(judge("cross-site", "navigate", "iframe"), 403);
  EXPECT_EQ(judge("cross-site", "navigate", "document", "POST"), 403);
  EXPECT_EQ(Check(safety, {.headers = {{"Host", "localhost"}, {"Sec-Fetch-Site", "cross-site"}}}),
            403);
  EXPECT_EQ(Check(safety, {.method = "POST",
                           .headers = {{"Host", "localhost"},
                                       {"Sec-Fetch-Site", "cross-site"},
                                       {"Origin", "https://app.example.com"}}}),
            0);
  EXPECT_EQ(Check(safety, {.headers = {{"Host", "localhost"},
                                       {"Sec-Fetch-Site", "cross-site"},
                                       {"Origin", "http://localhost"}}}),
            403);
}

TEST_F(WebSafetyTest, RequiresAJsonBody) {
  EXPECT_EQ(Body({}), 0);
  for (const char* type : {"application/json", "Application/JSON;charset=utf-8",
                           " application/json ; x=y", "application/vnd.tarn+json"}) {
    EXPECT_EQ(Body({{"Content-Type", type}}), 0) << type;
    EXPECT_EQ(Body({{"Content-Type", type}, {"Origin", "http://localhost:1"}}), 0) << type;
  }
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "",
                           "multipart/form-data; boundary=application/json", "application/jsonp",
                           "text/x+json", "text/plain;application/json"}) {
    EXPECT_EQ(Body({{"Content-Type", type}}), 415) << type;
    EXPECT_EQ(Body({{"Content-Type", type}}, "PUT"), 415) << type;
    EXPECT_EQ(Body({{"Content-Type", type}}, "GET"), 0) << type;
  }
  EXPECT_EQ(Body({{"Content-Type", "application/json"}, {"Content-Type", "text/plain"}}), 415);
  EXPECT_EQ(Body({{"Content-Type", "text/plain"}, {"Content-Type", "application/json"}}), 415);
  // A browser request without a type, such as a Blob.
  EXPECT_EQ(Body({{"Origin", "http://localhost:1"}}), 415);
  EXPECT_EQ(Body({{"Sec-Fetch-Site", "same-origin"}}), 415);
  EXPECT_EQ(Body({{"Sec-Fetch-Mode", "cors"}}), 415);
  EXPECT_EQ(Body({{"Referer", "http://localhost:1/x"}}), 415);
}

TEST_F(WebSafetyTest, RemovesMarkupFromQuotedValues) {
  Request request;
  request.headers = {{"Host", "localhost"},
                     {"Origin", "<script>\x1b\"&\xff" + std::string(500, 'x')}};
  const WebSafety safety;
  const auto verdict = safety.Check(request, 11);
  ASSERT_TRUE(verdict.refusal);
  EXPECT_THAT(verdict.refusal->detail, HasSubstr("origin ?script?????xxx"));
  EXPECT_LT(verdict.refusal->detail.size(), 200);
}

TEST_F(WebSafetyTest, RejectsInvalidHostsAndOriginsInSettings) {
  for (const char* bad : {"http://x", "a b", "x/y", "x:http"}) {
    HttpSettings settings;
    settings.allowed_hosts = {bad};
    EXPECT_THAT(WebSafety::FromSettings(settings).error().message,
                HasSubstr("http.allowed_hosts: \"" + std::string(bad)));
  }
  for (const char* bad : {"x", "https://x/", "://x", "null", "*", "https://*.x"}) {
    HttpSettings settings;
    settings.allowed_origins = {"https://good.example", bad};
    EXPECT_THAT(WebSafety::FromSettings(settings).error().message,
                HasSubstr("http.allowed_origins: \"" + std::string(bad)));
  }
}

}  // namespace
}  // namespace tarn::http
