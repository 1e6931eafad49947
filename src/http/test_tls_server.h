#pragma once

// A server with TLS for tests, and its client.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "http/client.h"
#include "http/server.h"
#include "http/test_server.h"
#include "net/address.h"
#include "net/runtime.h"
#include "net/test_certificates.h"
#include "net/tls.h"

// OpenSSL's macros are C.
#pragma GCC diagnostic ignored "-Wold-style-cast"

namespace tarn::http {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using TlsSocket = asio::ssl::stream<asio::ip::tcp::socket>;

// Pieces of the big body, in many sizes around the record size; or an error after some.
class RecordPieces : public BodyStream {
 public:
  explicit RecordPieces(bool fails) : fails_(fails) {}
  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    if (fails_ && at_ > 0) co_return Internal("it broke");
    if (at_ >= BigBody().size()) co_return std::optional<std::string>();
    static constexpr std::array<size_t, 6> kSizes = {1, 16383, 16384, 16385, 100'000, 300'000};
    std::string piece = BigBody().substr(at_, kSizes[count_++ % kSizes.size()]);
    at_ += piece.size();
    co_return std::optional<std::string>(std::move(piece));
  }

 private:
  const bool fails_;
  size_t at_ = 0;
  size_t count_ = 0;
};

inline std::vector<Route> TlsRoutes(Gate& gate) {
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
                    .body_bytes_max = 32 * 1024 * 1024});
  routes.push_back({.method = "GET",
                    .path = "/big",
                    .handler = [](const Request&) -> asio::awaitable<Result<Response>> {
                      co_return Response::Text(200, BigBody());
                    }});
  for (const bool fails : {false, true}) {
    routes.push_back({.method = "GET",
                      .path = fails ? "/broken" : "/stream",
                      .handler = [fails](const Request&) -> asio::awaitable<Result<Response>> {
                        co_return Response{.body = std::make_unique<RecordPieces>(fails)};
                      }});
  }
  routes.push_back({.method = "GET", .path = "/wait", .handler = [&gate](const Request& request) {
                      return WaitForGate(gate, request);
                    }});
  return routes;
}

class TlsServerTest : public testing::Test {
 protected:
  explicit TlsServerTest(Duration header_timeout = 60s)
      : server(runtime.io(), Router(TlsRoutes(gate)), Limits(header_timeout), metrics) {
    server.SetTls(tls.get());
    EXPECT_TRUE(server.Listen("127.0.0.1:0").ok());
  }
  ~TlsServerTest() override {
    server.StopAccepting();
    server.CloseAll();
    EXPECT_TRUE(server.WaitIdle(Deadline::After(30s)));
  }
  static HttpSettings Limits(Duration header_timeout) {
    HttpSettings limits;
    limits.header_timeout = header_timeout;
    limits.body_timeout = 60s;
    limits.idle_timeout = 60s;
    return limits;
  }

  std::unique_ptr<net::ServerTls> Load() {
    auto loaded = net::ServerTls::Load({.cert_path = folder.Put("cert.pem", own.Pem()),
                                        .key_path = folder.Put("key.pem", own.KeyPem())},
                                       metrics);
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    return std::move(*loaded);
  }

  asio::ip::tcp::socket ConnectPlain() {
    const net::HostPort where = *net::ParseHostPort(server.address());
    asio::ip::tcp::socket socket(client_io);
    socket.connect(
        {asio::ip::make_address(where.host), static_cast<uint16_t>(std::stoi(where.port))});
    socket.set_option(asio::ip::tcp::no_delay(true));
    return socket;
  }
  // Trusts only the test's CA.
  std::unique_ptr<TlsSocket> Connect() {
    auto socket = std::make_unique<TlsSocket>(ConnectPlain(), context);
    socket->handshake(asio::ssl::stream_base::client);
    return socket;
  }
  static std::string ReadToEnd(TlsSocket& socket, boost::system::error_code& code) {
    std::string answer;
    asio::read(socket, asio::dynamic_buffer(answer), code);
    return answer;
  }
  static std::string ReadToEnd(TlsSocket& socket) {
    boost::system::error_code code;
    std::string answer = ReadToEnd(socket, code);
    EXPECT_EQ(code, asio::error::eof) << code.message();  // An orderly end.
    return answer;
  }
  std::string Exchange(const std::string& bytes) {
    const auto socket = Connect();
    asio::write(*socket, asio::buffer(bytes));
    return ReadToEnd(*socket);
  }
  static std::string Get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n";
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
  static long SerialOf(TlsSocket& socket) {
    const std::unique_ptr<X509, decltype(&X509_free)> shown(
        SSL_get1_peer_certificate(socket.native_handle()), &X509_free);
    return ASN1_INTEGER_get(X509_get0_serialNumber(shown.get()));
  }
  asio::ssl::context MakeContext() {
    asio::ssl::context made(asio::ssl::context::tls_client);
    const std::string pem = ca.Pem();
    made.add_certificate_authority(asio::buffer(pem));
    made.set_verify_mode(asio::ssl::verify_peer);
    made.set_verify_callback(asio::ssl::host_name_verification("localhost"));
    return made;
  }

  net::TestFolder folder;
  net::TestCertificate ca = net::MakeCertificate({.name = "ca", .alt_names = ""});
  net::TestCertificate own = net::MakeCertificate({.issuer = &ca});
  Gate gate;
  Metrics metrics;
  std::unique_ptr<net::ServerTls> tls = Load();
  net::Runtime runtime{2};
  Server server;
  asio::io_context client_io;
  asio::ssl::context context = MakeContext();
};

}  // namespace tarn::http
