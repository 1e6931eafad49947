#include "http/test_server_fixture.h"

namespace tarn::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(ServerTest, AnswersWithLengthAndId) {
  const std::string answer =
      Exchange(std::string("GET /hello HTTP/1.1\r\nHost: localhost\r\n") + kClose);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Query-Id: "));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nhello\n"));
}

TEST_F(ServerTest, AddsEachSecurityHeaderOnce) {
  for (const char* line :
       {"GET /hello HTTP/1.1\r\nHost: localhost\r\n", "GET /nothing HTTP/1.1\r\n",
        "GET /stream HTTP/1.1\r\nHost: localhost\r\n", "oops\r\n",
        "GET /fails HTTP/1.1\r\nHost: localhost\r\n"}) {
    const std::string answer = Exchange(std::string(line) + kClose);
    for (const std::string header :
         {"X-Content-Type-Options: nosniff\r\n", "X-Frame-Options: DENY\r\n",
          "Referrer-Policy: no-referrer\r\n", "Cross-Origin-Resource-Policy: same-origin\r\n",
          "Cache-Control: no-store\r\n",
          "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"}) {
      const size_t at = answer.find("\r\n" + header);
      EXPECT_NE(at, std::string::npos) << line << header;
      EXPECT_EQ(answer.find("\r\n" + header, at + 1), std::string::npos) << line << header;
    }
    EXPECT_THAT(answer, Not(HasSubstr("Access-Control")));
  }
  const std::string own =
      Exchange(std::string("GET /own-policy HTTP/1.1\r\nHost: localhost\r\n") + kClose);
  EXPECT_THAT(own, testing::AllOf(HasSubstr("\r\nCache-Control: max-age=60\r\n"),
                                  HasSubstr("\r\ncontent-security-policy: default-src 'self'\r\n"),
                                  Not(HasSubstr("no-store")), Not(HasSubstr("'none'"))));
}

TEST_F(ServerTest, RejectsForeignHostsAndOrigins) {
  EXPECT_THAT(Exchange("GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("Connection: close\r\n"),
                             HasSubstr("\r\n\r\nhost evil.example is not allowed: add it to "
                                       "http.allowed_hosts\n")));
  EXPECT_THAT(Exchange("GET /hello HTTP/1.1\r\n\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("Connection: close\r\n")));
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
                       "Content-Length: 2\r\n\r\nok"),
              testing::AllOf(StartsWith("HTTP/1.1 403 "), Not(HasSubstr("Access-Control"))));
  EXPECT_THAT(Exchange(std::string("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                   "text/plain\r\nContent-Length: 2\r\n") +
                       kClose + "ok"),
              testing::AllOf(StartsWith("HTTP/1.1 415 Unsupported Media Type\r\n"),
                             HasSubstr("the body is text/plain: send it with Content-Type: "
                                       "application/json\n")));
}

TEST_F(ServerTest, SendsOnlyTheHeaderForHead) {
  const std::string answer =
      Exchange(std::string("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n") + kClose);
  EXPECT_THAT(answer, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\n"));
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  const std::string answer = Exchange(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\none"
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\ntwo" +
      std::string("GET /hello HTTP/1.1\r\nHost: localhost\r\n") + kClose);
  const size_t one = answer.find("\r\n\r\none");
  const size_t two = answer.find("\r\n\r\ntwo");
  const size_t hello = answer.find("\r\n\r\nhello\n");
  EXPECT_LT(one, two);
  EXPECT_LT(two, hello);
  EXPECT_NE(hello, std::string::npos);
}

TEST_F(ServerTest, AnswersExpectContinueBeforeTheBody) {
  asio::ip::tcp::socket socket = Connect();
  asio::write(socket,
              asio::buffer(std::string("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                                       "2\r\nExpect: 100-continue\r\nConnection: "
                                       "close\r\n\r\n")));
  std::string first(25, '\0');
  asio::read(socket, asio::buffer(first));
  EXPECT_EQ(first, "HTTP/1.1 100 Continue\r\n\r\n");
  asio::write(socket, asio::buffer(std::string("ok")));
  EXPECT_THAT(ReadToEnd(socket), testing::EndsWith("\r\n\r\nok"));
}

TEST_F(ServerTest, DistinguishesUnknownPathFromUnknownMethod) {
  EXPECT_THAT(Exchange(std::string("GET /nothing HTTP/1.1\r\nHost: localhost\r\n") + kClose),
              StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Exchange(std::string("PUT /hello HTTP/1.1\r\nHost: localhost\r\n") + kClose),
              testing::AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")));
}

TEST_F(ServerTest, ChangesTheBodyOfErrorsBelowAPrefix) {
  EXPECT_THAT(Exchange(std::string("GET /own/path HTTP/1.1\r\nHost: localhost\r\n") + kClose),
              testing::AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("own document: no such path")));
  EXPECT_THAT(Exchange(std::string("GET /not/own/ HTTP/1.1\r\nHost: localhost\r\n") + kClose),
              testing::AllOf(HasSubstr("no such path"), testing::Not(HasSubstr("own document"))));
}

TEST_F(ServerTest, RejectsInvalidHttpAndLongHeaders) {
  EXPECT_THAT(Exchange("oops\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("GET /hello HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(4000, 'x') +
                       "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
}

TEST_F(ServerTest, ServesARequestThatArrivesByteByByte) {
  asio::ip::tcp::socket socket = Connect();
  socket.set_option(asio::ip::tcp::no_delay(true));
  for (const char c : std::string("POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n"
                                  "0\r\nX-Trailer: y\r\n\r\n")) {
    Write(socket, std::string(1, c));
  }
  EXPECT_THAT(ReadToEnd(socket),
              testing::AllOf(StartsWith("HTTP/1.1 200 "), testing::EndsWith("\r\n\r\nabc")));
}

TEST_F(ServerTest, ReplacesLineBreaksInHeaderValues) {
  EXPECT_THAT(Exchange(std::string("GET /injected HTTP/1.1\r\nHost: localhost\r\n") + kClose),
              HasSubstr("X-Name: a  X-Evil: b\r\n"));
}

TEST_F(ServerTest, AnswersAThrowingHandlerWith500WithoutDetail) {
  const std::string answer =
      Exchange(std::string("GET /throws HTTP/1.1\r\nHost: localhost\r\n") + kClose);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, Not(HasSubstr("secret detail")));
}

TEST_F(ServerTest, SendsProblemDocumentsOnRequest) {
  const std::string answer = Exchange(
      std::string("GET /nothing HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n") +
      kClose);
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/problem+json"));
  EXPECT_THAT(answer, HasSubstr(R"({"type":"about:blank","title":"Not Found","status":404,)"));
}

TEST_F(ServerTest, ClientReadsResponsesAndEnforcesItsDeadline) {
  const Url url = *ParseHttpUrl("http://" + server.address() + "/");
  const auto answer = Send(url, {.path = "/hello"}, Deadline::After(30s));
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "hello\n");
  const auto late = Send(url, {.path = "/slow"}, Deadline::After(50ms));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind, ErrorKind::kTimeout);
  const auto refused =
      Send(*ParseHttpUrl("http://127.0.0.1:1"), {.path = "/"}, Deadline::After(30s));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("connect to 127.0.0.1:1"));
}

TEST_F(ServerTest, SpeaksHttp10) {
  EXPECT_THAT(Exchange("GET /hello HTTP/1.0\r\n\r\n"),
              testing::AllOf(StartsWith("HTTP/1.0 200 OK\r\n"), Not(HasSubstr("keep-alive")),
                             testing::EndsWith("\r\n\r\nhello\n")));
  EXPECT_THAT(
      Exchange("GET /trailers HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
      testing::AllOf(Not(HasSubstr("chunked")), Not(HasSubstr("keep-alive")),
                     Not(HasSubstr("X-Sum")), testing::EndsWith("\r\n\r\npiece;piece;piece;")));
  EXPECT_THAT(
      Exchange("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
               "GET /hello HTTP/1.0\r\n\r\n"),
      testing::AllOf(HasSubstr("Connection: keep-alive\r\n"), HasSubstr("hello\nHTTP/1.0")));
}

TEST_F(ServerTest, CountsByRouteAndStatus) {
  for (int i = 0; i < 3; ++i)
    Exchange(std::string("GET /hello HTTP/1.1\r\nHost: localhost\r\n") + kClose);
  Exchange(std::string("GET /nothing HTTP/1.1\r\nHost: localhost\r\n") + kClose);
  EXPECT_TRUE(Eventually([&] {
    return HasMetric(R"(tarn_http_requests_total{method="GET",route="/hello",status="200"} 3)") &&
           HasMetric(R"(tarn_http_requests_total{method="",route="",status="404"} 1)");
  })) << metrics.Render();
}

class OpenServerTest : public ServerTest {
 protected:
  OpenServerTest() : ServerTest(Limits(), {"https://app.example"}) {}
};

TEST_F(OpenServerTest, SharesResponsesWithAnAllowedOrigin) {
  const std::string origin = "Host: localhost\r\nOrigin: https://app.example\r\n";
  const auto allows =
      testing::AllOf(HasSubstr("\r\nAccess-Control-Allow-Origin: https://app.example\r\n"),
                     HasSubstr("\r\nVary: Origin\r\n"),
                     HasSubstr("\r\nAccess-Control-Expose-Headers: X-Query-Id,"));
  // Errors too: otherwise the page could not show the reason.
  for (const char* target : {"/hello", "/nothing", "/stream", "/fails", "/throws"}) {
    EXPECT_THAT(Exchange("GET " + std::string(target) + " HTTP/1.1\r\n" + origin + kClose), allows)
        << target;
  }
  EXPECT_THAT(Exchange("OPTIONS /echo HTTP/1.1\r\n" + origin +
                       "Access-Control-Request-Method: POST\r\n"
                       "Access-Control-Request-Headers: content-type\r\n" +
                       kClose),
              testing::AllOf(StartsWith("HTTP/1.1 204 "), allows,
                             HasSubstr("\r\nAccess-Control-Allow-Methods: POST\r\n"),
                             HasSubstr("\r\nAccess-Control-Max-Age: 600\r\n"),
                             HasSubstr("Content-Type, If-Match, If-None-Match, X-Query-Id\r\n")));
  EXPECT_THAT(Exchange("OPTIONS /nothing HTTP/1.1\r\n" + origin +
                       "Access-Control-Request-Method: POST\r\n" + kClose),
              StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Exchange("OPTIONS /echo HTTP/1.1\r\n" + origin + kClose),
              StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Exchange("OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: https://b.example\r\n"
                       "Access-Control-Request-Method: POST\r\n\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 403 "), Not(HasSubstr("Access-Control"))));
}

TEST(ParseHttpUrl, ParsesHostPortAndPath) {
  const Url url = *ParseHttpUrl("http://catalog.local:3212/base/");
  EXPECT_EQ(url.host, "catalog.local");
  EXPECT_EQ(url.port, "3212");
  EXPECT_EQ(url.path, "/base");
  EXPECT_EQ(ParseHttpUrl("http://[::1]:1")->host, "::1");
  EXPECT_EQ(ParseHttpUrl("http://h")->port, "80");
  EXPECT_FALSE(url.https);
  EXPECT_TRUE(ParseHttpUrl("https://h")->https);
  EXPECT_EQ(ParseHttpUrl("https://h")->port, "443");
  for (const char* bad : {"", "h:1", "https://", "http://", "http://h:x", "http://h:70000",
                          "http://h/?q", "ftp://h"}) {
    EXPECT_FALSE(ParseHttpUrl(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace tarn::http
