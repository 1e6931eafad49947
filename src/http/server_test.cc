#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "http/address.h"
#include "http/client.h"
#include "http/runtime.h"

namespace tarn::http {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

// Three pieces, then the end, or an error in the place of the end.
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

asio::awaitable<Response> Slow(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
  co_return Response::Text(200, "slow\n");
}

std::vector<Route> Routes() {
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
  return routes;
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() { EXPECT_TRUE(server.Listen("127.0.0.1:0").ok()); }
  ~ServerTest() override {
    server.StopAccepting();
    server.CloseAll();
    EXPECT_TRUE(server.WaitIdle(Deadline::After(5s)));
  }

  asio::ip::tcp::socket Connect() {
    const HostPort where = *ParseHostPort(server.address());
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
  // All that the server sends to these bytes until it closes the connection.
  std::string Exchange(const std::string& bytes) {
    asio::ip::tcp::socket socket = Connect();
    asio::write(socket, asio::buffer(bytes));
    return ReadToEnd(socket);
  }

  static HttpSettings Limits() {
    HttpSettings limits;
    limits.header_timeout = 200ms;
    limits.idle_timeout = 2s;
    limits.header_bytes_max = 2048;
    return limits;
  }

  Metrics metrics;
  Runtime runtime{2};
  Server server{runtime.io(), Router(Routes()), Limits(), metrics};
  asio::io_context client_io;
};

constexpr const char* kClose = "Host: x\r\nConnection: close\r\n\r\n";

TEST_F(ServerTest, AnswersWithLengthAndId) {
  const std::string answer = Exchange(std::string("GET /hello HTTP/1.1\r\n") + kClose);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Query-Id: "));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nhello\n"));
}

TEST_F(ServerTest, HeadSendsTheHeaderOnly) {
  const std::string answer = Exchange(std::string("HEAD /hello HTTP/1.1\r\n") + kClose);
  EXPECT_THAT(answer, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\n"));
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  const std::string answer = Exchange(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ntwo" +
      std::string("GET /hello HTTP/1.1\r\n") + kClose);
  const size_t one = answer.find("\r\n\r\none");
  const size_t two = answer.find("\r\n\r\ntwo");
  const size_t hello = answer.find("\r\n\r\nhello\n");
  EXPECT_LT(one, two);
  EXPECT_LT(two, hello);
  EXPECT_NE(hello, std::string::npos);
}

TEST_F(ServerTest, TheBodyCapHoldsWithAndWithoutALength) {
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n12345678901"),
              testing::AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("\r\n\r\ntoo much\n"),
                             HasSubstr("Connection: close")));
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: "
                       "chunked\r\n\r\n5\r\n12345\r\n5\r\n67890\r\n0\r\n\r\n"),
              testing::EndsWith("\r\n\r\n1234567890"));
}

TEST_F(ServerTest, ExpectContinueIsAnsweredBeforeTheBody) {
  asio::ip::tcp::socket socket = Connect();
  asio::write(socket, asio::buffer(std::string("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: "
                                               "2\r\nExpect: 100-continue\r\nConnection: "
                                               "close\r\n\r\n")));
  std::string first(25, '\0');
  asio::read(socket, asio::buffer(first));
  EXPECT_EQ(first, "HTTP/1.1 100 Continue\r\n\r\n");
  asio::write(socket, asio::buffer(std::string("ok")));
  EXPECT_THAT(ReadToEnd(socket), testing::EndsWith("\r\n\r\nok"));
}

TEST_F(ServerTest, StreamsInChunks) {
  const std::string answer = Exchange(std::string("GET /stream HTTP/1.1\r\n") + kClose);
  EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_THAT(answer, testing::EndsWith("6\r\npiece;\r\n0\r\n\r\n"));
}

TEST_F(ServerTest, ABrokenStreamHasNoLastChunk) {
  const std::string answer = Exchange("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("piece;"));
  EXPECT_THAT(answer, Not(HasSubstr("0\r\n\r\n")));
}

TEST_F(ServerTest, TellsPathFromMethod) {
  EXPECT_THAT(Exchange(std::string("GET /nothing HTTP/1.1\r\n") + kClose),
              StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Exchange(std::string("PUT /hello HTTP/1.1\r\n") + kClose),
              testing::AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")));
}

TEST_F(ServerTest, RefusesWhatIsNotHttpAndTooLongHeaders) {
  EXPECT_THAT(Exchange("oops\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("GET /hello HTTP/1.1\r\nX: " + std::string(4000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
}

TEST_F(ServerTest, AHeaderThatNeverEndsIsTimedOut) {
  EXPECT_EQ(Exchange("GET /hello HTTP/1.1\r\nX: "), "");
}

TEST_F(ServerTest, AHandlerThatThrowsIsA500WithoutDetail) {
  const std::string answer = Exchange(std::string("GET /throws HTTP/1.1\r\n") + kClose);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, Not(HasSubstr("secret detail")));
}

TEST_F(ServerTest, ErrorsAreProblemDocumentsForWhoAsks) {
  const std::string answer =
      Exchange(std::string("GET /nothing HTTP/1.1\r\nAccept: application/json\r\n") + kClose);
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/problem+json"));
  EXPECT_THAT(answer, HasSubstr(R"({"type":"about:blank","title":"Not Found","status":404,)"));
}

TEST_F(ServerTest, DrainEndsIdleConnectionsAndLetsRequestsFinish) {
  asio::ip::tcp::socket idle = Connect();
  asio::ip::tcp::socket busy = Connect();
  asio::write(busy, asio::buffer(std::string("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")));
  // Until both are accepted, or the drain would come first.
  while (metrics.Render().find("tarn_http_connections 2") == std::string::npos) {
    std::this_thread::yield();
  }
  std::this_thread::sleep_for(50ms);  // Until the request is read: there is no sign of that.
  server.StopAccepting();
  EXPECT_EQ(ReadToEnd(idle), "");
  const std::string answer = ReadToEnd(busy);
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nslow\n"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_TRUE(server.WaitIdle(Deadline::After(5s)));
}

TEST_F(ServerTest, TheClientReadsAnswersAndKeepsItsDeadline) {
  const Url url = *ParseHttpUrl("http://" + server.address() + "/");
  const auto answer = Send(url, {.path = "/hello"}, Deadline::After(5s));
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "hello\n");
  const auto late = Send(url, {.path = "/slow"}, Deadline::After(50ms));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind, ErrorKind::kTimeout);
  const auto refused =
      Send(*ParseHttpUrl("http://127.0.0.1:1"), {.path = "/"}, Deadline::After(5s));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("connect to 127.0.0.1:1"));
}

TEST(ParseHttpUrl, TakesHostPortAndPath) {
  const Url url = *ParseHttpUrl("http://catalog.local:3212/base/");
  EXPECT_EQ(url.host, "catalog.local");
  EXPECT_EQ(url.port, "3212");
  EXPECT_EQ(url.path, "/base");
  EXPECT_EQ(ParseHttpUrl("http://[::1]:1")->host, "::1");
  EXPECT_EQ(ParseHttpUrl("http://h")->port, "80");
  for (const char* bad : {"", "h:1", "https://h", "http://", "http://h:x", "http://h:70000",
                          "http://h/?q", "ftp://h"}) {
    EXPECT_FALSE(ParseHttpUrl(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace tarn::http
