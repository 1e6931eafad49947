#pragma once

// A server with routes for its tests, and a client that writes bytes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "http/client.h"
#include "http/server.h"
#include "http/test_server.h"
#include "net/address.h"
#include "net/runtime.h"

namespace tarn::http {

namespace asio = boost::asio;
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

inline asio::awaitable<Result<Response>> Stream(bool fails) {
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

inline asio::awaitable<Result<Response>> Slow(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
  co_return Response::Text(200, "slow\n");
}

// Routes with simple answers.
inline std::vector<Route> PlainRoutes(Gate& gate) {
  std::vector<Route> routes;
  routes.push_back({.method = "GET",
                    .path = "/hello",
                    .handler = [](const Request&) -> asio::awaitable<Result<Response>> {
                      co_return Response::Text(200, "hello\n");
                    }});
  routes.push_back({.method = "POST",
                    .path = "/echo",
                    .handler = [](const Request& request) -> asio::awaitable<Result<Response>> {
                      co_return Response::Text(200, request.body);
                    },
                    .body_bytes_max = 10,
                    .too_large_message = "too much"});
  routes.push_back(
      {.method = "GET", .path = "/slow", .handler = [](const Request&) { return Slow(300ms); }});
  routes.push_back({.method = "GET",
                    .path = "/throws",
                    .handler = [](const Request&) -> asio::awaitable<Result<Response>> {
                      throw std::runtime_error("secret detail");
                      co_return Response{};
                    }});
  routes.push_back({.method = "GET", .path = "/wait", .handler = [&gate](const Request& request) {
                      return WaitForGate(gate, request);
                    }});
  routes.push_back({.method = "GET",
                    .path = "/big",
                    .handler = [&gate](const Request&) -> asio::awaitable<Result<Response>> {
                      ++gate.entered;
                      co_return Response::Text(200, BigBody());
                    }});
  routes.push_back({.method = "GET",
                    .path = "/injected",
                    .handler = [](const Request&) -> asio::awaitable<Result<Response>> {
                      Response response = Response::Text(200, "");
                      response.headers.emplace_back("X-Name", "a\r\nX-Evil: b");
                      co_return response;
                    }});
  routes.push_back({.method = "GET",
                    .path = "/own-policy",
                    .handler = [](const Request&) -> asio::awaitable<Result<Response>> {
                      Response response = Response::Text(200, "");
                      response.headers = {{"Cache-Control", "max-age=60"},
                                          {"content-security-policy", "default-src 'self'"}};
                      co_return response;
                    }});
  return routes;
}

// Routes with streams as bodies.
inline std::vector<Route> StreamRoutes(Gate& gate) {
  std::vector<Route> routes;
  routes.push_back({.method = "GET", .path = "/stream", .handler = [](const Request&) {
                      return Stream(false);
                    }});
  routes.push_back(
      {.method = "GET", .path = "/broken", .handler = [](const Request&) { return Stream(true); }});
  routes.push_back(
      {.method = "GET",
       .path = "/endless",
       .handler = [&gate](const Request& request) -> asio::awaitable<Result<Response>> {
         co_return Response{.body = std::make_unique<Endless>(gate, request.client)};
       }});
  routes.push_back({.method = "GET",
                    .path = "/empty",
                    .handler = [](const Request&) -> asio::awaitable<Result<Response>> {
                      co_return Response{.body = std::make_unique<Empty>()};
                    }});
  routes.push_back({.method = "GET",
                    .path = "/fails",
                    .handler = [](const Request&) -> asio::awaitable<Result<Response>> {
                      co_return Response{.body = std::make_unique<FailsAtOnce>()};
                    }});
  routes.push_back({.method = "GET",
                    .path = "/trailers",
                    .handler = [](const Request&) -> asio::awaitable<Result<Response>> {
                      Response response{.body = std::make_unique<WithTrailers>()};
                      response.trailer_names = {"X-Sum", "X-Rows"};
                      co_return response;
                    }});
  return routes;
}

inline std::vector<Route> TestRoutes(Gate& gate) {
  std::vector<Route> routes = PlainRoutes(gate);
  for (Route& route : StreamRoutes(gate)) routes.push_back(std::move(route));
  return routes;
}

class ServerTest : public testing::Test {
 protected:
  explicit ServerTest(HttpSettings limits = Limits(), std::vector<std::string> origins = {})
      : server(runtime.io(), Router(TestRoutes(gate)), limits, metrics) {
    limits.allowed_origins = std::move(origins);
    server.SetWebSafety(*WebSafety::FromSettings(limits));
    server.SetErrorDocument(
        "/own/", [](Response& response) { response.body = "own document: " + response.problem; });
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

}  // namespace tarn::http
