#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "http/client.h"
#include "http/test_server.h"
#include "net/address.h"
#include "net/runtime.h"

namespace tarn::http {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

// Three pieces, then the end or an error.
class Pieces : public BodyStream {
 public:
  explicit Pieces(bool fails) : fails_(fails) {}
  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    if (given_++ < 3) co_return std::optional<std::string>("piece;");
    if (fails_) co_return Internal("it broke");
    co_return std::optional<std::string>();
  }

 private:
  const bool fails_;
  int given_ = 0;
};

asio::awaitable<Response> Stream(bool fails) {
  co_return Response{.status = 200, .body = std::make_unique<Pieces>(fails)};
}

class Empty : public BodyStream {
 public:
  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    co_return std::optional<std::string>();
  }
};

class FailsAtOnce : public BodyStream {
 public:
  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    co_return InvalidArgument("nothing to give");
  }
};

class WithTrailers : public Pieces {
 public:
  WithTrailers() : Pieces(false) {}
  Headers Trailers() override { return {{"X-Sum", "42"}, {"X-Rows", "3"}}; }
};

// An endless stream.
class Endless : public BodyStream {
 public:
  Endless(Gate& gate, std::shared_ptr<ClientWatch> client)
      : gate_(gate), client_(std::move(client)) {
    client_->OnDisconnect([this] { ++gate_.gone; });
  }
  ~Endless() override {
    client_->OnDisconnect(nullptr);
    ++gate_.ended;
  }
  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    co_return std::optional<std::string>(std::string(100'000, 'x'));
  }
  void OnSlowReader() override { ++gate_.slow; }

 private:
  Gate& gate_;
  const std::shared_ptr<ClientWatch> client_;
};

asio::awaitable<Response> Slow(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
  co_return Response::Text(200, "slow\n");
}

std::vector<Route> Routes(Gate& gate) {
  std::vector<Route> routes;
  routes.push_back({.method = "GET",
                    .path = "/hello",
                    .handler = [](const Request&) -> asio::awaitable<Response> {
                      co_return Response::Text(200, "hello\n");
                    }});
  routes.push_back({.method = "POST",
                    .path = "/echo",
                    .handler = [](const Request& request) -> asio::awaitable<Response> {
                      co_return Response::Text(200, request.body);
                    },
                    .body_bytes_max = 10,
                    .too_large_message = "too much"});
  routes.push_back({.method = "GET", .path = "/stream", .handler = [](const Request&) {
                      return Stream(false);
                    }});
  routes.push_back(
      {.method = "GET", .path = "/broken", .handler = [](const Request&) { return Stream(true); }});
  routes.push_back(
      {.method = "GET", .path = "/slow", .handler = [](const Request&) { return Slow(300ms); }});
  routes.push_back({.method = "GET",
                    .path = "/throws",
                    .handler = [](const Request&) -> asio::awaitable<Response> {
                      throw std::runtime_error("secret detail");
                      co_return Response{};
                    }});
  routes.push_back({.method = "GET", .path = "/wait", .handler = [&gate](const Request& request) {
                      return WaitForGate(gate, request);
                    }});
  routes.push_back({.method = "GET",
                    .path = "/big",
                    .handler = [&gate](const Request&) -> asio::awaitable<Response> {
                      ++gate.entered;
                      co_return Response::Text(200, BigBody());
                    }});
  routes.push_back({.method = "GET",
                    .path = "/endless",
                    .handler = [&gate](const Request& request) -> asio::awaitable<Response> {
                      co_return Response{.body = std::make_unique<Endless>(gate, request.client)};
                    }});
  routes.push_back({.method = "GET",
                    .path = "/empty",
                    .handler = [](const Request&) -> asio::awaitable<Response> {
                      co_return Response{.body = std::make_unique<Empty>()};
                    }});
  routes.push_back({.method = "GET",
                    .path = "/fails",
                    .handler = [](const Request&) -> asio::awaitable<Response> {
                      co_return Response{.body = std::make_unique<FailsAtOnce>()};
                    }});
  routes.push_back({.method = "GET",
                    .path = "/trailers",
                    .handler = [](const Request&) -> asio::awaitable<Response> {
                      Response response{.body = std::make_unique<WithTrailers>()};
                      response.trailer_names = {"X-Sum", "X-Rows"};
                      co_return response;
                    }});
  routes.push_back({.method = "GET",
                    .path = "/injected",
                    .handler = [](const Request&) -> asio::awaitable<Response> {
                      Response response = Response::Text(200, "");
                      response.headers.emplace_back("X-Name", "a\r\nX-Evil: b");
                      co_return response;
                    }});
  routes.push_back({.method = "GET",
                    .path = "/own-policy",
                    .handler = [](const Request&) -> asio::awaitable<Response> {
                      Response response = Response::Text(200, "");
                      response.headers = {{"Cache-Control", "max-age=60"},
                                          {"content-security-policy", "default-src 'self'"}};
                      co_return response;
                    }});
  return routes;
}

class ServerTest : public testing::Test {
 protected:
  explicit ServerTest(HttpSettings limits = Limits(), const std::string& origins = "")
      : server(runtime.io(), Router(Routes(gate)), limits, metrics) {
    limits.allowed_origins = origins;
    server.SetWebSafety(*WebSafety::FromSettings(limits));
    EXPECT_TRUE(server.Listen("127.0.0.1:0").ok());
  }
  ~ServerTest() override {
    server.StopAccepting();
    server.CloseAll();
    EXPECT_TRUE(server.WaitIdle(Deadline::After(30s)));
  }

  asio::ip::tcp::socket Connect() {
    const net::HostPort where = *net::ParseHostPort(server.address());
    asio::ip::tcp::socket socket(client_io);
    socket.connect(
        {asio::ip::make_address(where.host), static_cast<uint16_t>(std::stoi(where.port))});
    return socket;
  }
  static std::string ReadToEnd(asio::ip::tcp::socket& socket) {
    std::string answer;
    boost::system::error_code code;
    asio::read(socket, asio::dynamic_buffer(answer), code);
    return answer;
  }
  // Returns all bytes that the server sends until it closes the connection.
  std::string Exchange(const std::string& bytes) {
    asio::ip::tcp::socket socket = Connect();
    asio::write(socket, asio::buffer(bytes));
    return ReadToEnd(socket);
  }

  static void Write(asio::ip::tcp::socket& socket, const std::string& bytes) {
    asio::write(socket, asio::buffer(bytes));
  }
  // Reads until `end` has arrived or the connection ends.
  static std::string ReadUntil(asio::ip::tcp::socket& socket, const std::string& end) {
    std::string answer;
    boost::system::error_code code;
    while (!code && answer.find(end) == std::string::npos) {
      char byte = 0;
      if (asio::read(socket, asio::buffer(&byte, 1), code) == 1) answer += byte;
    }
    return answer;
  }
  bool HasMetric(const std::string& line) const {
    return metrics.Render().find(line + "\n") != std::string::npos;
  }
  // Waits for the counter: the server counts a request after sending the response.
  bool EventuallyMetric(const std::string& line) const {
    return Eventually([&] { return HasMetric(line); });
  }
  bool EventuallyConnections(int count) const {
    return EventuallyMetric("tarn_http_connections " + std::to_string(count));
  }

  static HttpSettings Limits() {
    HttpSettings limits;
    // Longer than any test waits, so that no timeout ends a connection.
    limits.header_timeout = 60s;
    limits.body_timeout = 60s;
    limits.idle_timeout = 60s;
    limits.header_bytes_max = 2048;
    return limits;
  }

  Gate gate;
  Metrics metrics;
  net::Runtime runtime{2};
  Server server;
  asio::io_context client_io;
};

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

TEST_F(ServerTest, LimitsTheBodyWithAndWithoutALength) {
  EXPECT_THAT(
      Exchange("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\n12345678901"),
      testing::AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("\r\n\r\ntoo much\n"),
                     HasSubstr("Connection: close")));
  EXPECT_THAT(
      Exchange("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
               "6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n"),
      StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(
      Exchange("POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: "
               "chunked\r\n\r\n5\r\n12345\r\n5\r\n67890\r\n0\r\n\r\n"),
      testing::EndsWith("\r\n\r\n1234567890"));
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

TEST_F(ServerTest, StreamsInChunks) {
  const std::string answer =
      Exchange(std::string("GET /stream HTTP/1.1\r\nHost: localhost\r\n") + kClose);
  EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_THAT(answer, testing::EndsWith("6\r\npiece;\r\n0\r\n\r\n"));
}

TEST_F(ServerTest, OmitsTheLastChunkAfterAStreamError) {
  const std::string answer = Exchange("GET /broken HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("piece;"));
  EXPECT_THAT(answer, Not(HasSubstr("0\r\n\r\n")));
}

TEST_F(ServerTest, DistinguishesUnknownPathFromUnknownMethod) {
  EXPECT_THAT(Exchange(std::string("GET /nothing HTTP/1.1\r\nHost: localhost\r\n") + kClose),
              StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Exchange(std::string("PUT /hello HTTP/1.1\r\nHost: localhost\r\n") + kClose),
              testing::AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")));
}

TEST_F(ServerTest, RejectsInvalidHttpAndLongHeaders) {
  EXPECT_THAT(Exchange("oops\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("GET /hello HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(4000, 'x') +
                       "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
}

TEST_F(ServerTest, LimitsHeadersThatArriveLineByLine) {
  asio::ip::tcp::socket socket = Connect();
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "A: 45678\r\n";
  Write(socket, "GET /hello HTTP/1.1\r\nHost: localhost\r\n");
  for (int i = 0; i < 3; ++i) {
    Write(socket, lines);
    // Each part is below the limit. The test cannot see when the server has read a part; parts that
    // are read together are rejected too.
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_THAT(ReadToEnd(socket), StartsWith("HTTP/1.1 431 "));
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

TEST_F(ServerTest, ReleasesAnIncompleteRequestOnDisconnect) {
  for (const char* half :
       {"GET /hel", "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab"}) {
    {
      asio::ip::tcp::socket socket = Connect();
      ASSERT_TRUE(EventuallyConnections(1));
      Write(socket, half);
    }
    EXPECT_TRUE(EventuallyConnections(0)) << half;
  }
}

TEST_F(ServerTest, DeliversAResponseSentBeforeTheBodyIsRead) {
  asio::ip::tcp::socket socket = Connect();
  Write(socket, "POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\nbegin");
  EXPECT_THAT(ReadUntil(socket, "no such path\n"),
              testing::AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("Connection: close\r\n")));
  Write(socket, std::string(400'000, 'x'));  // Read and dropped: no reset.
  EXPECT_EQ(ReadToEnd(socket), "");
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

TEST_F(ServerTest, ClosesIdleConnectionsAndFinishesRequestsOnDrain) {
  asio::ip::tcp::socket idle = Connect();
  asio::ip::tcp::socket busy = Connect();
  Write(busy, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  // Both connections must be accepted and the request read before the drain.
  ASSERT_TRUE(EventuallyConnections(2));
  ASSERT_TRUE(Eventually([&] { return gate.entered == 1; }));
  server.StopAccepting();
  EXPECT_EQ(ReadToEnd(idle), "");
  EXPECT_EQ(gate.gone, 0);
  gate.open = true;
  const std::string answer = ReadToEnd(busy);
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nwaited\n"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_TRUE(server.WaitIdle(Deadline::After(30s)));
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

TEST_F(ServerTest, AnnouncesTrailersAndSendsThemAtTheEnd) {
  const std::string answer =
      Exchange(std::string("GET /trailers HTTP/1.1\r\nHost: localhost\r\n") + kClose);
  EXPECT_THAT(answer, HasSubstr("\r\nTrailer: X-Sum, X-Rows\r\n"));
  EXPECT_THAT(answer, testing::EndsWith("piece;\r\n0\r\nX-Sum: 42\r\nX-Rows: 3\r\n\r\n"));
  EXPECT_THAT(Exchange(std::string("GET /stream HTTP/1.1\r\nHost: localhost\r\n") + kClose),
              Not(HasSubstr("Trailer")));
}

TEST_F(ServerTest, SendsEmptyStreamsAndNoBodyForHead) {
  EXPECT_THAT(Exchange(std::string("GET /empty HTTP/1.1\r\nHost: localhost\r\n") + kClose),
              testing::EndsWith("\r\n\r\n0\r\n\r\n"));
  const std::string answer =
      Exchange(std::string("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hello "
                           "HTTP/1.1\r\nHost: localhost\r\n") +
               kClose);
  EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, AnswersAStreamThatFailsEarlyWithAnError) {
  const std::string answer = Exchange(
      "GET /fails HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hello HTTP/1.1\r\nHost: localhost\r\n" +
      std::string(kClose));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nnothing to give\nHTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(
      EventuallyMetric(R"(tarn_http_requests_total{method="GET",route="/fails",status="400"} 1)"));
}

TEST_F(ServerTest, DeliversALargeResponse) {
  const std::string answer =
      Exchange(std::string("GET /big HTTP/1.1\r\nHost: localhost\r\n") + kClose);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + BigBody()));
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

TEST_F(ServerTest, NotifiesAHandlerOfADisconnect) {
  for (const bool reset : {false, true}) {
    gate.entered = 0;
    gate.gone = 0;
    asio::ip::tcp::socket socket = Connect();
    Write(socket, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(Eventually([&] { return gate.entered == 1; }));
    EXPECT_EQ(gate.gone, 0);
    if (reset) socket.set_option(asio::socket_base::linger(true, 0));
    socket.close();
    EXPECT_TRUE(Eventually([&] { return gate.gone == 1; })) << reset;
    EXPECT_TRUE(EventuallyConnections(0)) << reset;
  }
}

TEST_F(ServerTest, AnswersAClientThatShutsDownItsSendingSide) {
  asio::ip::tcp::socket socket = Connect();
  Write(socket, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  socket.shutdown(asio::ip::tcp::socket::shutdown_send);
  EXPECT_THAT(ReadToEnd(socket), testing::EndsWith("waited\n"));
  EXPECT_EQ(gate.gone, 1);
}

TEST_F(ServerTest, NotifiesHandlersOfCloseAll) {
  asio::ip::tcp::socket socket = Connect();
  Write(socket, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return gate.entered == 1; }));
  server.StopAccepting();
  EXPECT_FALSE(server.WaitIdle(Deadline::After(20ms)));
  EXPECT_EQ(gate.gone, 0);
  server.CloseAll();
  EXPECT_TRUE(server.WaitIdle(Deadline::After(30s)));
  EXPECT_EQ(gate.gone, 1);
  EXPECT_EQ(ReadToEnd(socket), "");
}

TEST_F(ServerTest, EndsAStreamOnDisconnect) {
  {
    asio::ip::tcp::socket socket = Connect();
    Write(socket, "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(ReadUntil(socket, "xxxx"), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_TRUE(Eventually([&] { return gate.ended == 1; }));
  EXPECT_EQ(gate.gone, 1);
}

TEST_F(ServerTest, AnswersRequestsReceivedDuringAHandler) {
  asio::ip::tcp::socket socket = Connect();
  Write(socket, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return gate.entered == 1; }));
  // More than the server reads ahead, so that it must stop and resume.
  constexpr int kCount = 4000;
  std::string more;
  for (int i = 0; i < kCount; ++i) {
    more += "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\n[" +
            std::to_string(1000 + i) + "]";
  }
  std::atomic<bool> written = false;
  std::thread writer([&] {
    Write(socket, more + "GET /hello HTTP/1.1\r\nHost: localhost\r\n" + kClose);
    written = true;
  });
  // Bytes that the server has not read are in the kernel's buffers.
  EXPECT_TRUE(Eventually([&] { return written.load(); }));
  EXPECT_EQ(gate.gone, 0);
  gate.open = true;
  const std::string answer = ReadToEnd(socket);
  writer.join();
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nhello\n"));
  size_t at = answer.find("waited\n");
  for (int i = 0; i < kCount && at != std::string::npos; ++i) {
    at = answer.find("[" + std::to_string(1000 + i) + "]", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_EQ(gate.gone, 0);
}

class OpenServerTest : public ServerTest {
 protected:
  OpenServerTest() : ServerTest(Limits(), "https://app.example") {}
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

class ImpatientServerTest : public ServerTest {
 protected:
  ImpatientServerTest() : ServerTest(Impatient()) {}
  static HttpSettings Impatient() {
    HttpSettings limits = Limits();
    limits.header_timeout = 300ms;
    limits.body_timeout = 300ms;
    limits.idle_timeout = 200ms;
    limits.write_timeout = 1s;
    return limits;
  }
};

TEST_F(ImpatientServerTest, TimesOutAnEndlessHeader) {
  EXPECT_THAT(Exchange("GET /hello HTTP/1.1\r\nHost: localhost\r\nX: "),
              testing::AllOf(StartsWith("HTTP/1.1 408 Request Timeout\r\n"),
                             HasSubstr("Connection: close\r\n"),
                             testing::EndsWith("\r\n\r\nrequest header timeout\n")));
}

TEST_F(ImpatientServerTest, TimesOutAnEndlessBody) {
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab"),
              testing::AllOf(StartsWith("HTTP/1.1 408 Request Timeout\r\n"),
                             HasSubstr("Connection: close\r\n"),
                             testing::EndsWith("\r\n\r\nrequest body timeout\n")));
}

TEST_F(ImpatientServerTest, ClosesIdleConnectionsWithoutAResponse) {
  asio::ip::tcp::socket socket = Connect();
  EXPECT_EQ(ReadToEnd(socket), "");
  asio::ip::tcp::socket used = Connect();
  const auto start = std::chrono::steady_clock::now();
  Write(used, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(ReadToEnd(used), testing::EndsWith("hello\n"));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 150ms);
}

TEST_F(ImpatientServerTest, DropsAClientThatReadsNothing) {
  asio::ip::tcp::socket whole = Connect();
  Write(whole, "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  asio::ip::tcp::socket streamed = Connect();
  Write(streamed, "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(Eventually([&] { return gate.gone == 1 && gate.ended == 1; }));
  EXPECT_TRUE(EventuallyConnections(0));
  EXPECT_EQ(gate.entered, 1);
}

TEST_F(ImpatientServerTest, ServesASlowlyReadingClient) {
  asio::ip::tcp::socket socket = Connect();
  socket.set_option(asio::socket_base::receive_buffer_size(64 * 1024));
  Write(socket, std::string("GET /big HTTP/1.1\r\nHost: localhost\r\n") + kClose);
  // 0.5 MB/s over several timeouts: less per timeout than the free space at which the kernel
  // reports "writable".
  const auto start = std::chrono::steady_clock::now();
  std::string answer;
  std::string block(16 * 1024, '\0');
  boost::system::error_code code;
  while (!code && answer.size() < 1'500'000) {
    std::this_thread::sleep_until(start + 2 * std::chrono::microseconds(answer.size()));
    answer.append(block, 0, asio::read(socket, asio::buffer(block), code));
  }
  asio::read(socket, asio::dynamic_buffer(answer), code);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 1s);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + BigBody())) << answer.size();
}

class NarrowServerTest : public ServerTest {
 protected:
  NarrowServerTest() : ServerTest(Narrow()) {}
  static HttpSettings Narrow() {
    HttpSettings limits = Limits();
    limits.connections_max = 2;
    limits.connections_per_address_max = 2;
    return limits;
  }
};

TEST_F(NarrowServerTest, AnswersAConnectionBeyondTheLimit) {
  asio::ip::tcp::socket first = Connect();
  asio::ip::tcp::socket second = Connect();
  for (auto* socket : {&first, &second}) {
    Write(*socket, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  ASSERT_TRUE(Eventually([&] { return gate.entered == 2; }));
  EXPECT_THAT(Exchange("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 503 Service Unavailable\r\n"),
                             HasSubstr("Retry-After: 1\r\n"), HasSubstr("Connection: close\r\n"),
                             testing::EndsWith("\r\n\r\ntoo many connections\n")));
  EXPECT_TRUE(
      EventuallyMetric(R"(tarn_http_connections_refused_total{limit="http.connections_max"} 1)"));
  first.close();
  ASSERT_TRUE(EventuallyConnections(1));
  EXPECT_THAT(Exchange(std::string("GET /hello HTTP/1.1\r\nHost: localhost\r\n") + kClose),
              StartsWith("HTTP/1.1 200 "));
}

class PatientServerTest : public ServerTest {
 protected:
  PatientServerTest() : ServerTest(Patient()) {}
  // The largest allowed values.
  static HttpSettings Patient() {
    HttpSettings limits;
    limits.header_timeout = Duration::max();
    limits.body_timeout = Duration::max();
    limits.idle_timeout = Duration::max();
    limits.write_timeout = Duration::max();
    return limits;
  }
};

TEST_F(PatientServerTest, HandlesTheLongestTimeouts) {
  asio::ip::tcp::socket socket = Connect();
  socket.set_option(asio::ip::tcp::no_delay(true));
  ASSERT_TRUE(EventuallyConnections(1));  // The connection is already waiting.
  for (const char c :
       std::string("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nok")) {
    Write(socket, std::string(1, c));
  }
  EXPECT_THAT(ReadUntil(socket, "\r\n\r\nok"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Exchange(std::string("GET /big HTTP/1.1\r\nHost: localhost\r\n") + kClose),
              testing::EndsWith(BigBody().substr(BigBody().size() - 100)));
}

TEST_F(PatientServerTest, NotifiesAStreamOnceOfASlowReader) {
  asio::ip::tcp::socket socket = Connect();
  const auto start = std::chrono::steady_clock::now();
  Write(socket, "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(Eventually([&] { return gate.slow == 1; }));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 1s);
  EXPECT_EQ(gate.gone, 0);
  std::string some;
  some.resize(20'000'000);  // The write has continued.
  asio::read(socket, asio::buffer(some));
  EXPECT_THAT(some, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(gate.slow, 1);
  socket.close();
  EXPECT_TRUE(Eventually([&] { return gate.ended == 1; }));
  EXPECT_EQ(gate.gone, 1);
}

TEST(ClientWatch, CallsOnceAndAtOnceAfterADisconnect) {
  ClientWatch watch;
  int first = 0;
  int second = 0;
  watch.OnDisconnect([&] { ++first; });
  watch.OnDisconnect([&] { ++second; });
  EXPECT_FALSE(watch.disconnected());
  watch.MarkDisconnected();
  watch.MarkDisconnected();
  EXPECT_TRUE(watch.disconnected());
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  watch.OnDisconnect([&] { ++first; });
  EXPECT_EQ(first, 1);
  watch.OnDisconnect(nullptr);

  ClientWatch reset;
  reset.OnDisconnect([&] { ++first; });
  reset.OnDisconnect(nullptr);
  reset.MarkDisconnected();
  EXPECT_EQ(first, 1);
}

TEST(RenderError, AddsRetryAfterOnlyTo503) {
  const Response later = RenderError(Unavailable("full"), Request{});
  EXPECT_EQ(later.status, 503);
  EXPECT_THAT(later.headers, testing::Contains(testing::Pair("Retry-After", "1")));
  EXPECT_THAT(RenderError({ErrorKind::kTimeout, "late"}, Request{}).headers,
              testing::ElementsAre(testing::Pair("Vary", "Accept")));
  EXPECT_EQ(StatusOf(ErrorKind::kTimeout), 504);
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
