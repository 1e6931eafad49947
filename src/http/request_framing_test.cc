#include "http/request_framing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/test_hostile_client.h"

namespace tarn::http {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_F(HostileClientTest, RejectsRequestsOfAmbiguousLengthAndCloses) {
  struct Case {
    std::string fields;
    int status = 400;
    std::string version = "1.1";
  };
  const std::vector<Case> cases = {
      {"Transfer-Encoding: identity\r\n"},
      {"Transfer-Encoding: xchunked\r\n"},
      {"Transfer-Encoding: chunkedx\r\n"},
      {"Transfer-Encoding: gzip\r\n"},
      {"Transfer-Encoding:\r\n"},
      {"Transfer-Encoding: chunked, identity\r\n"},
      {"Transfer-Encoding: chunked, chunked\r\n"},
      {"Transfer-Encoding: chunked,\r\n"},
      {"Transfer-Encoding: ,chunked\r\n"},
      {"Transfer-Encoding: chunked;q=1\r\n"},
      {"Transfer-Encoding: \"chunked\"\r\n"},
      {"Transfer-Encoding: gzip, chunked\r\n", 501},
      {"Transfer-Encoding: foo;a=b , Chunked\r\n", 501},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"},
      {"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"},
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"},
      {"Transfer-Encoding: identity\r\nContent-Length: 5\r\n"},
      {"Content-Length: 5\r\nTransfer-Encoding: identity\r\n"},
      {"Content-Length: 5\r\nContent-Length: 5\r\n"},
      {"Content-Length: 5\r\nContent-Length: 6\r\n"},
      {"Content-Length: 5, 5\r\n"},
      {"Content-Length: 5,\r\n"},
      {"Content-Length: +5\r\n"},
      {"Content-Length: -5\r\n"},
      {"Content-Length: 0x5\r\n"},
      {"Content-Length:\r\n"},
      {"Content-Length: 99999999999999999999999\r\n"},
      {"Transfer-Encoding: chunked\r\n", 400, "1.0"},
      {"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", 400, "1.0"},
  };
  for (const Case& each : cases) {
    const std::string answer =
        Exchange("POST /echo HTTP/" + each.version + "\r\n" + kHost + each.fields +
                 "\r\n0\r\n\r\nGET /hello HTTP/1.1\r\n" + kHost + "\r\n");
    EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 " + std::to_string(each.status) + " "),
                              HasSubstr("Connection: close\r\n")))
        << each.fields;
    EXPECT_EQ(CountOf(answer, "HTTP/1.1 "), 1U) << each.fields << answer;
  }
  EXPECT_TRUE(Eventual("tarn_http_framing_errors_total " + std::to_string(cases.size())));
}

TEST_F(HostileClientTest, AcceptsRequestsOfUnambiguousLength) {
  for (const char* fields : {"Transfer-Encoding: chunked\r\n", "transfer-encoding:CHUNKED \r\n"}) {
    EXPECT_THAT(Exchange(std::string("POST /echo HTTP/1.1\r\n") + kHost + fields + kClose +
                         "2\r\nok\r\n0\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\nok")));
  }
  EXPECT_THAT(Exchange("POST /echo HTTP/1.0\r\nContent-Length: 002\r\n\r\nok"),
              AllOf(StartsWith("HTTP/1.0 200 "), EndsWith("\r\n\r\nok")));
  EXPECT_TRUE(Eventual("tarn_http_framing_errors_total 0"));
}

TEST_F(HostileClientTest, AcceptsTargetsInAbsoluteForm) {
  const auto ask = [&](const std::string& target, const std::string& host = "localhost") {
    return Exchange("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + kClose);
  };
  EXPECT_THAT(ask("http://localhost:3214/hello?a=b"), EndsWith("\r\n\r\nhello a=b\n"));
  EXPECT_THAT(ask("HTTP://127.0.0.1/hello"), EndsWith("\r\n\r\nhello \n"));
  // The host of the target takes precedence over the Host header.
  EXPECT_THAT(ask("http://localhost/hello", "evil.example"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask("http://evil.example/hello"),
              AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("host evil.example is not allowed")));
  EXPECT_THAT(Exchange("GET http://evil.example/hello HTTP/1.0\r\n\r\n"),
              StartsWith("HTTP/1.0 403 "));
  for (const char* bad : {"http:///hello", "http://user@localhost/hello", "http://:80/hello"}) {
    EXPECT_THAT(ask(bad), StartsWith("HTTP/1.1 400 ")) << bad;
  }
  for (const char* nothing : {"http://localhost", "http://localhost?x", "ftp://localhost/hello"}) {
    EXPECT_THAT(ask(nothing), StartsWith("HTTP/1.1 404 ")) << nothing;
  }
}

}  // namespace
}  // namespace tarn::http
