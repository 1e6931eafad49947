#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/test_hostile_client.h"

namespace tarn::http {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kBodyBytes = 600'000;  // Two of them exceed the limit.

// A large piece, and the end when the gate opens.
class LargePiece : public BodyStream {
 public:
  LargePiece(Gate& gate, const Request& request) : gate_(gate), request_(request) {}
  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    if (!is_first_) {
      co_await WaitForGate(gate_, request_);
      co_return std::optional<std::string>();
    }
    is_first_ = false;
    co_return std::optional(std::string(kBodyBytes, 'x'));
  }

 private:
  Gate& gate_;
  const Request& request_;
  bool is_first_ = true;
};

class BodyMemoryTest : public testing::Test {
 protected:
  BodyMemoryTest() : server(runtime.io(), Router(Routes()), Settings(), metrics) {
    server.SetWebSafety(*WebSafety::FromSettings(Settings()));
    EXPECT_TRUE(server.Listen("127.0.0.1:0").ok());
  }
  ~BodyMemoryTest() override {
    gate.open = true;
    server.StopAccepting();
    server.CloseAll();
    EXPECT_TRUE(server.WaitIdle(Deadline::After(std::chrono::seconds(30))));
  }

  static HttpSettings Settings() {
    HttpSettings settings;
    settings.body_memory_max = 1'000'000;
    return settings;
  }
  std::vector<Route> Routes() {
    std::vector<Route> routes;
    routes.push_back({.method = "GET",
                      .path = "/reserved",
                      .handler = [this](const Request& request) -> asio::awaitable<Response> {
                        const Result<> reserved = request.ReserveResponse(kBodyBytes);
                        if (!reserved.ok()) co_return RenderError(reserved.error(), request);
                        co_await WaitForGate(gate, request);
                        co_return Response::Text(200, std::string(kBodyBytes, 'x'));
                      }});
    routes.push_back({.method = "GET",
                      .path = "/stream",
                      .handler = [this](const Request& request) -> asio::awaitable<Response> {
                        co_return Response{.body = std::make_unique<LargePiece>(gate, request)};
                      }});
    routes.push_back({.method = "GET",
                      .path = "/small",
                      .handler = [](const Request&) -> asio::awaitable<Response> {
                        co_return Response::Text(200, "small\n");
                      }});
    return routes;
  }

  asio::ip::tcp::socket Ask(const std::string& path) {
    const net::HostPort where = *net::ParseHostPort(server.address());
    asio::ip::tcp::socket socket(client_io);
    socket.connect(
        {asio::ip::make_address(where.host), static_cast<uint16_t>(std::stoi(where.port))});
    asio::write(socket, asio::buffer("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + kClose));
    return socket;
  }
  static std::string Read(asio::ip::tcp::socket socket) {
    std::string answer;
    boost::system::error_code code;
    asio::read(socket, asio::dynamic_buffer(answer), code);
    return answer;
  }
  bool HasMetric(const std::string& line) const {
    return metrics.Render().find(line + "\n") != std::string::npos;
  }

  void ExpectOneAtATime(const std::string& path) {
    asio::ip::tcp::socket first = Ask(path);
    ASSERT_TRUE(Eventually([this] { return gate.entered == 1; }));
    EXPECT_TRUE(HasMetric("tarn_http_body_bytes 600000"));
    const std::string refused = Read(Ask(path));
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
    EXPECT_THAT(refused, HasSubstr("(http.body_memory_max), try again later\n"));
    EXPECT_TRUE(HasMetric("tarn_http_bodies_refused_total 1"));
    EXPECT_EQ(gate.entered, 1);
    EXPECT_THAT(Read(Ask("/small")), StartsWith("HTTP/1.1 200 "));
    gate.open = true;
    EXPECT_GT(Read(std::move(first)).size(), kBodyBytes);
    EXPECT_TRUE(Eventually([this] { return HasMetric("tarn_http_body_bytes 0"); }));
    EXPECT_THAT(Read(Ask(path)), StartsWith("HTTP/1.1 200 "));
  }

  Gate gate;
  Metrics metrics;
  net::Runtime runtime{2};
  Server server;
  asio::io_context client_io;
};

TEST_F(BodyMemoryTest, AHandlerReservesMemoryBeforeItMakesAResponse) {
  ExpectOneAtATime("/reserved");
}

TEST_F(BodyMemoryTest, CountsTheFirstPieceOfAStream) { ExpectOneAtATime("/stream"); }

}  // namespace
}  // namespace tarn::http
