#pragma once

// A server and a raw client for tests of malicious requests.

#include <gtest/gtest.h>

#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <vector>

#include "http/daemon_routes.h"
#include "http/server.h"
#include "http/test_server.h"
#include "net/address.h"
#include "net/runtime.h"

namespace tarn::http {

class HostileClientTest : public testing::Test {
 protected:
  using Socket = boost::asio::ip::tcp::socket;
  static constexpr const char* kHost = "Host: localhost\r\n";
  static constexpr int64_t kBodyMax = 600'000;

  using MakeRoutes = std::vector<Route> (*)(Gate& gate);

  // `make_routes`: routes beside those of this fixture.
  explicit HostileClientTest(const HttpSettings& settings = Settings(),
                             MakeRoutes make_routes = nullptr)
      : server(runtime.io(), Router(Routes(make_routes)), settings, metrics) {
    server.SetWebSafety(*WebSafety::FromSettings(settings));
    EXPECT_TRUE(server.Listen("127.0.0.1:0").ok());
  }
  ~HostileClientTest() override {
    gate.open = true;
    server.StopAccepting();
    server.CloseAll();
    EXPECT_TRUE(server.WaitIdle(Deadline::After(std::chrono::seconds(30))));
  }

  static HttpSettings Settings() {
    HttpSettings settings;
    // Longer than any test waits.
    settings.header_timeout = std::chrono::seconds(60);
    settings.body_timeout = std::chrono::seconds(60);
    settings.idle_timeout = std::chrono::seconds(60);
    return settings;
  }
  std::vector<Route> Routes(MakeRoutes make_routes) {
    std::vector<Route> routes = DaemonRoutes(
        metrics, []() -> boost::asio::awaitable<Result<>> { co_return Result<>(); }, "{}");
    routes.push_back(
        {.method = "GET",
         .path = "/hello",
         .handler = [](const Request& request) -> boost::asio::awaitable<Result<Response>> {
           co_return Response::Text(200, "hello " + request.query + "\n");
         }});
    routes.push_back(
        {.method = "POST",
         .path = "/echo",
         .handler = [](const Request& request) -> boost::asio::awaitable<Result<Response>> {
           co_return Response::Text(200, request.body);
         },
         .body_bytes_max = kBodyMax,
         .too_large_message = "too much"});
    routes.push_back({.method = "GET", .path = "/wait", .handler = [this](const Request& request) {
                        return WaitForGate(gate, request);
                      }});
    if (make_routes != nullptr) {
      for (Route& route : make_routes(gate)) routes.push_back(std::move(route));
    }
    return routes;
  }

  // Opens a connection from `from`, an address of this machine.
  Socket Open(const std::string& from = "127.0.0.1") {
    const net::HostPort where = *net::ParseHostPort(server.address());
    Socket socket(client_io);
    socket.open(boost::asio::ip::tcp::v4());
    socket.bind({boost::asio::ip::make_address(from), 0});
    socket.connect(
        {boost::asio::ip::make_address(where.host), static_cast<uint16_t>(std::stoi(where.port))});
    return socket;
  }
  static void Send(Socket& socket, const std::string& bytes) {
    boost::asio::write(socket, boost::asio::buffer(bytes));
  }
  static std::string ReadAll(Socket& socket) {
    std::string answer;
    boost::system::error_code code;
    boost::asio::read(socket, boost::asio::dynamic_buffer(answer), code);
    return answer;
  }
  std::string Exchange(const std::string& bytes, const std::string& from = "127.0.0.1") {
    Socket socket = Open(from);
    Send(socket, bytes);
    return ReadAll(socket);
  }
  std::string Get(const std::string& path, const std::string& from = "127.0.0.1") {
    return Exchange(std::string("GET ") + path + " HTTP/1.1\r\n" + kHost + kClose, from);
  }
  std::string Post(const std::string& fields, const std::string& body) {
    return Exchange(std::string("POST /echo HTTP/1.1\r\n") + kHost + "Content-Length: " +
                    std::to_string(body.size()) + "\r\n" + fields + kClose + body);
  }
  // Sends a request on a connection that stays open.
  static std::string RequestAgain(Socket& socket) {
    Send(socket, std::string("GET /hello HTTP/1.1\r\n") + kHost + "\r\n");
    std::string answer;
    boost::asio::read_until(socket, boost::asio::dynamic_buffer(answer), "hello \n");
    return answer;
  }
  bool Eventual(const std::string& line) const {
    return Eventually([&] { return metrics.Render().find(line + "\n") != std::string::npos; });
  }
  // Opens a connection whose request is being handled.
  Socket Occupy(const std::string& from = "127.0.0.1") {
    Socket socket = Open(from);
    const int before = gate.entered;
    Send(socket, std::string("GET /wait HTTP/1.1\r\n") + kHost + "\r\n");
    EXPECT_TRUE(Eventually([&] { return gate.entered > before; }));
    return socket;
  }
  bool HasConnections(int count) const {
    return Eventual("tarn_http_connections " + std::to_string(count));
  }

  Gate gate;
  Metrics metrics;
  net::Runtime runtime{2};
  Server server;
  boost::asio::io_context client_io;
};

}  // namespace tarn::http
