#include "net/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

// OpenSSL's macros are C.
#pragma GCC diagnostic ignored "-Wold-style-cast"

namespace tarn::http {
namespace {

namespace asio = boost::asio;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
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

std::vector<Route> TlsRoutes(Gate& gate) {
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
                    .body_bytes_max = 32 * 1024 * 1024});
  routes.push_back(
      {.method = "GET", .path = "/big", .handler = [](const Request&) -> asio::awaitable<Response> {
         co_return Response::Text(200, BigBody());
       }});
  for (const bool fails : {false, true}) {
    routes.push_back({.method = "GET",
                      .path = fails ? "/broken" : "/stream",
                      .handler = [fails](const Request&) -> asio::awaitable<Response> {
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

TEST_F(TlsServerTest, SupportsOnlyTls12And13) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SSL_CTX_set_min_proto_version(context.native_handle(), version);
    SSL_CTX_set_max_proto_version(context.native_handle(), version);
    const auto socket = Connect();
    EXPECT_EQ(SSL_version(socket->native_handle()), version);
    asio::write(*socket, asio::buffer(Get("/hello") + kClose));
    EXPECT_THAT(ReadToEnd(*socket), EndsWith("\r\n\r\nhello\n"));
  }
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    SSL_CTX_set_cipher_list(context.native_handle(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(context.native_handle(), version);
    SSL_CTX_set_max_proto_version(context.native_handle(), version);
    EXPECT_THAT([&] { Connect(); },
                testing::ThrowsMessage<boost::system::system_error>(HasSubstr("protocol version")));
  }
  EXPECT_TRUE(EventuallyMetric("tarn_tls_handshake_failures_total 2"));
}

TEST_F(TlsServerTest, RejectsWeakCiphersAndRenegotiation) {
  SSL_CTX_set_max_proto_version(context.native_handle(), TLS1_2_VERSION);
  const auto socket = Connect();
  EXPECT_EQ(SSL_renegotiate(socket->native_handle()), 1);
  EXPECT_NE(SSL_do_handshake(socket->native_handle()), 1);
  SSL_CTX_set_cipher_list(context.native_handle(), "ECDHE-ECDSA-AES128-SHA:AES128-SHA");
  EXPECT_THROW(Connect(), boost::system::system_error);
}

TEST_F(TlsServerTest, SelectsHttp11FromTheOfferedProtocols) {
  const std::string both("\2h2\10http/1.1", 12);
  const auto* const offered = reinterpret_cast<const unsigned char*>(both.data());
  SSL_CTX_set_alpn_protos(context.native_handle(), offered, 12);
  const auto socket = Connect();
  const unsigned char* chosen = nullptr;
  unsigned bytes = 0;
  SSL_get0_alpn_selected(socket->native_handle(), &chosen, &bytes);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), bytes), "http/1.1");
  SSL_CTX_set_alpn_protos(context.native_handle(), offered, 3);
  EXPECT_THROW(Connect(), boost::system::system_error);
}

TEST_F(TlsServerTest, AnswersPlainHttpWithAHint) {
  for (const std::string& sent :
       {Get("/hello") + "\r\n", std::string("DELETE /x HTTP/1.0\r\n\r\n")}) {
    asio::ip::tcp::socket socket = ConnectPlain();
    asio::write(socket, asio::buffer(sent));
    std::string answer;
    boost::system::error_code code;
    asio::read(socket, asio::dynamic_buffer(answer), code);
    EXPECT_EQ(code, asio::error::eof);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nthis port speaks HTTPS: write https://\n"));
  }
  EXPECT_TRUE(EventuallyMetric("tarn_tls_handshake_failures_total 2"));
}

TEST_F(TlsServerTest, ClosesConnectionsWithInvalidTls) {
  asio::ip::tcp::socket socket = ConnectPlain();
  asio::write(socket, asio::buffer("\x16\x03\x01" + std::string(1000, '\xff')));
  std::string answer;
  boost::system::error_code code;
  asio::read(socket, asio::dynamic_buffer(answer), code);
  EXPECT_THAT(answer, testing::Not(HasSubstr("HTTP")));
  EXPECT_TRUE(EventuallyConnections(0));
}

class ImpatientTlsServerTest : public TlsServerTest {
 protected:
  ImpatientTlsServerTest() : TlsServerTest(1s) {}
};

TEST_F(ImpatientTlsServerTest, LimitsTheTimeOfHandshakes) {
  for (const char* sent : {"", "\x16\x03"}) {
    const auto start = std::chrono::steady_clock::now();
    asio::ip::tcp::socket socket = ConnectPlain();
    asio::write(socket, asio::buffer(std::string(sent)));
    ASSERT_TRUE(EventuallyConnections(1));
    std::string answer;
    boost::system::error_code code;
    asio::read(socket, asio::dynamic_buffer(answer), code);
    EXPECT_EQ(answer, "");
    EXPECT_GE(std::chrono::steady_clock::now() - start, 900ms);
    EXPECT_TRUE(EventuallyConnections(0));
  }
  EXPECT_TRUE(EventuallyMetric("tarn_tls_handshake_failures_total 2"));
}

TEST_F(TlsServerTest, AcceptsAHandshakeByteByByte) {
  // A pair of buffers between client and server passes single bytes.
  BIO* inside = nullptr;
  BIO* outside = nullptr;
  BIO_new_bio_pair(&inside, 0, &outside, 0);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.native_handle()), &SSL_free);
  SSL_set_bio(ssl.get(), inside, inside);
  SSL_set_connect_state(ssl.get());
  asio::ip::tcp::socket socket = ConnectPlain();
  const auto pass = [&] {
    char byte = 0;
    while (BIO_read(outside, &byte, 1) == 1) asio::write(socket, asio::buffer(&byte, 1));
    if (SSL_want_read(ssl.get()) == 0) return;
    asio::read(socket, asio::buffer(&byte, 1));
    BIO_write(outside, &byte, 1);
  };
  while (SSL_do_handshake(ssl.get()) != 1) pass();
  const std::string request = Get("/hello") + kClose;
  SSL_write(ssl.get(), request.data(), static_cast<int>(request.size()));
  std::string answer(4096, '\0');
  size_t got = 0;
  size_t part = 0;
  while (answer.find("hello\n") == std::string::npos) {
    if (SSL_read_ex(ssl.get(), answer.data() + got, answer.size() - got, &part) == 1) {
      got += part;
    } else {
      pass();
    }
  }
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  BIO_free(outside);
}

// A complete request may be in the bytes that TLS has already read, without another event on the
// socket.
TEST_F(TlsServerTest, ServesRequestsBufferedByTls) {
  constexpr size_t kReadAhead = 80 * 1024;  // header_bytes_max and 64 KiB.
  constexpr size_t kRecord = 16 * 1024;
  BIO* inside = nullptr;
  BIO* outside = nullptr;
  BIO_new_bio_pair(&inside, 1'000'000, &outside, 1'000'000);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.native_handle()), &SSL_free);
  SSL_set_bio(ssl.get(), inside, inside);
  SSL_set_connect_state(ssl.get());
  asio::ip::tcp::socket socket = ConnectPlain();
  std::string bytes(1'000'000, '\0');
  const auto push = [&] {
    const int got = BIO_read(outside, bytes.data(), static_cast<int>(bytes.size()));
    if (got > 0) asio::write(socket, asio::buffer(bytes, static_cast<size_t>(got)));
  };
  const auto pull = [&] {
    boost::system::error_code code;
    const size_t got = socket.read_some(asio::buffer(bytes), code);
    BIO_write(outside, bytes.data(), static_cast<int>(got));
    return got > 0;
  };
  while (SSL_do_handshake(ssl.get()) != 1) {
    push();
    ASSERT_TRUE(pull());
  }
  const std::string wait = Get("/wait") + "\r\n";
  SSL_write(ssl.get(), wait.data(), static_cast<int>(wait.size()));
  push();
  ASSERT_TRUE(Eventually([&] { return gate.entered == 1; }));

  // A request that fills the read-ahead to the last byte, and a small one behind it.
  std::string filling = Get("/hello");
  while (filling.size() < kReadAhead) {
    const size_t left = kReadAhead - filling.size();
    filling +=
        left > 10'000 ? "\r\n" + Get("/hello") : "X: " + std::string(left - 7, 'x') + "\r\n\r\n";
  }
  ASSERT_EQ(filling.size(), kReadAhead);
  const std::string last = Get("/hello") + kClose;
  const size_t before_last = kReadAhead - kRecord;
  SSL_write(ssl.get(), filling.data(), static_cast<int>(before_last));
  push();
  std::this_thread::sleep_for(100ms);  // The read-ahead is full; the next bytes arrive in one read.
  SSL_write(ssl.get(), filling.data() + before_last, static_cast<int>(kRecord));
  SSL_write(ssl.get(), last.data(), static_cast<int>(last.size()));
  push();
  std::this_thread::sleep_for(100ms);
  gate.open = true;
  std::string answers;
  while (!answers.ends_with("Connection: close\r\n\r\nhello\n") && pull()) {
    size_t part = 0;
    std::string piece(100'000, '\0');
    while (SSL_read_ex(ssl.get(), piece.data(), piece.size(), &part) == 1) {
      answers.append(piece, 0, part);
    }
  }
  EXPECT_TRUE(answers.ends_with("Connection: close\r\n\r\nhello\n")) << answers.size();
  BIO_free(outside);
}

TEST_F(TlsServerTest, DeliversLargeResponses) {
  EXPECT_TRUE(Exchange(Get("/big") + kClose).ends_with("\r\n\r\n" + BigBody()));
  const std::string streamed = Exchange(Get("/stream") + kClose);
  // With the chunk framing removed.
  std::string body;
  size_t at = streamed.find("\r\n\r\n") + 4;
  for (;;) {
    const size_t line_end = streamed.find("\r\n", at);
    const size_t bytes = std::stoul(streamed.substr(at, line_end - at), nullptr, 16);
    if (bytes == 0) break;
    body += streamed.substr(line_end + 2, bytes);
    at = line_end + 2 + bytes + 2;
  }
  EXPECT_TRUE(body == BigBody());
}

TEST_F(TlsServerTest, ServesAClientThatReadsLate) {
  const auto socket = Connect();
  socket->next_layer().set_option(asio::socket_base::receive_buffer_size(32 * 1024));
  asio::write(*socket, asio::buffer(Get("/stream") + "\r\n" + Get("/big") + kClose));
  std::this_thread::sleep_for(300ms);  // The send buffer is full meanwhile.
  const std::string answer = ReadToEnd(*socket);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + BigBody()));
  EXPECT_THAT(answer, HasSubstr("\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

TEST_F(TlsServerTest, ReadsALargeBody) {
  const std::string head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                           std::to_string(BigBody().size()) + "\r\n" + kClose;
  EXPECT_TRUE(Exchange(head + BigBody()).ends_with("\r\n\r\n" + BigBody()));
}

TEST_F(TlsServerTest, AnswersPipelinedRequestsReceivedDuringAHandler) {
  const auto socket = Connect();
  asio::write(*socket, asio::buffer(Get("/wait") + "\r\n"));
  ASSERT_TRUE(Eventually([&] { return gate.entered == 1; }));
  // More than the server reads ahead, so that it must stop and resume.
  constexpr int kCount = 4000;
  std::string more;
  for (int i = 0; i < kCount; ++i) {
    more += "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\n[" +
            std::to_string(1000 + i) + "]";
  }
  asio::write(*socket, asio::buffer(more + Get("/hello") + kClose));
  gate.open = true;
  const std::string answer = ReadToEnd(*socket);
  EXPECT_THAT(answer, EndsWith("\r\n\r\nhello\n"));
  size_t at = answer.find("waited\n");
  for (int i = 0; i < kCount && at != std::string::npos; ++i) {
    at = answer.find("[" + std::to_string(1000 + i) + "]", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_EQ(gate.gone, 0);
}

TEST_F(TlsServerTest, NotifiesAHandlerOfADisconnect) {
  for (const std::string how : {"close", "reset", "in order"}) {
    gate.entered = 0;
    gate.gone = 0;
    auto socket = Connect();
    asio::write(*socket, asio::buffer(Get("/wait") + "\r\n"));
    ASSERT_TRUE(Eventually([&] { return gate.entered == 1; }));
    EXPECT_EQ(gate.gone, 0);
    if (how == "reset") socket->next_layer().set_option(asio::socket_base::linger(true, 0));
    if (how == "in order") SSL_shutdown(socket->native_handle());
    socket->next_layer().close();
    EXPECT_TRUE(Eventually([&] { return gate.gone == 1; })) << how;
    EXPECT_TRUE(EventuallyConnections(0)) << how;
  }
}

TEST_F(TlsServerTest, SendsCloseNotifyOnlyAfterACompleteResponse) {
  boost::system::error_code code;
  const auto socket = Connect();
  asio::write(*socket, asio::buffer(Get("/broken") + "\r\n"));
  EXPECT_THAT(ReadToEnd(*socket, code), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(code, asio::ssl::error::stream_truncated) << code.message();
  const auto old = Connect();
  asio::write(*old, asio::buffer(std::string("GET /broken HTTP/1.0\r\n\r\n")));
  ReadToEnd(*old, code);
  EXPECT_NE(code, asio::error::eof);
}

TEST_F(TlsServerTest, EndsHandshakesAndIdleConnectionsOnDrain) {
  const asio::ip::tcp::socket shaking = ConnectPlain();
  const auto idle = Connect();
  asio::write(*idle, asio::buffer(Get("/hello") + "\r\n"));
  std::string answer;
  asio::read_until(*idle, asio::dynamic_buffer(answer), "hello\n");
  ASSERT_TRUE(EventuallyConnections(2));
  server.StopAccepting();
  EXPECT_TRUE(server.WaitIdle(Deadline::After(30s)));
  EXPECT_EQ(ReadToEnd(*idle), "");
}

TEST_F(TlsServerTest, UsesANewCertificateForNewConnections) {
  const auto before = Connect();
  EXPECT_EQ(SerialOf(*before), 1);
  own = net::MakeCertificate({.issuer = &ca, .serial = 2, .ends_in_s = 7200});
  tls->ReloadIfChanged();
  EXPECT_EQ(SerialOf(*Connect()), 1);
  EXPECT_FALSE(HasMetric(R"(tarn_tls_reloads_total{result="ok"} 1)"));

  folder.Put("cert.pem", own.Pem());
  tls->ReloadIfChanged();  // Its key has not been replaced yet.
  EXPECT_EQ(SerialOf(*Connect()), 1);
  for (int i = 0; i < 3; ++i) tls->ReloadIfChanged();
  EXPECT_TRUE(HasMetric(R"(tarn_tls_reloads_total{result="error"} 1)"));
  folder.Put("key.pem", own.KeyPem());
  tls->ReloadIfChanged();
  EXPECT_EQ(SerialOf(*Connect()), 2);
  EXPECT_TRUE(HasMetric(R"(tarn_tls_reloads_total{result="ok"} 1)"));
  tls->ReloadIfChanged();
  EXPECT_TRUE(HasMetric(R"(tarn_tls_reloads_total{result="ok"} 1)"));
  tls->Reload();
  EXPECT_TRUE(HasMetric(R"(tarn_tls_reloads_total{result="ok"} 2)"));

  folder.Put("key.pem", "broken");
  tls->ReloadIfChanged();
  EXPECT_EQ(SerialOf(*Connect()), 2);
  EXPECT_TRUE(HasMetric(R"(tarn_tls_reloads_total{result="error"} 2)"));
  folder.Put("key.pem", own.KeyPem());
  tls->ReloadIfChanged();

  asio::write(*before, asio::buffer(Get("/hello") + kClose));
  EXPECT_THAT(ReadToEnd(*before), EndsWith("hello\n"));
  const auto expiry = std::chrono::system_clock::now() + 2h;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(expiry.time_since_epoch());
  const std::string text = metrics.Render();
  const size_t at = text.find("\ntarn_tls_certificate_expiry_seconds ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_NEAR(std::stod(text.substr(text.find(' ', at))), static_cast<double>(seconds.count()), 60);
}

TEST_F(TlsServerTest, ClientVerifiesTheCertificate) {
  const std::string port = net::ParseHostPort(server.address())->port;
  const auto ask = [&](const std::string& host, const net::ClientTls& how) {
    const Url url = *ParseHttpUrl("https://" + host + ":" + port);
    const auto answer = Send(url, {.path = "/hello"}, Deadline::After(30s), how);
    return answer.ok() ? answer->body : answer.error().message;
  };
  const std::string ca_path = folder.Put("ca.pem", ca.Pem(), 0644);
  EXPECT_EQ(ask("localhost", {.ca_path = ca_path}), "hello\n");
  EXPECT_EQ(ask("127.0.0.1", {.ca_path = ca_path}), "hello\n");
  const std::string unknown =
      "TLS to localhost:" + port +
      ": its certificate is signed by an unknown CA (set tls.ca_path to trust that CA)";
  EXPECT_EQ(ask("localhost", {}), unknown);
  const net::TestCertificate other = net::MakeCertificate({.name = "ca", .alt_names = ""});
  EXPECT_THAT(ask("localhost", {.ca_path = folder.Put("other.pem", other.Pem())}),
              HasSubstr("its certificate is"));
  EXPECT_EQ(ask("localhost", {.verify = false}), "hello\n");
  EXPECT_THAT(ask("localhost", {.ca_path = "/none"}), HasSubstr("cannot read the CAs in /none"));

  const auto show = [&](const net::CertificateOptions& options) {
    own = net::MakeCertificate(options);
    folder.Put("key.pem", own.KeyPem());
    folder.Put("cert.pem", own.Pem());
    tls->Reload();
  };
  show({.alt_names = "DNS:elsewhere", .issuer = &ca});
  for (const char* host : {"localhost", "127.0.0.1"}) {
    EXPECT_THAT(ask(host, {.ca_path = ca_path}), EndsWith(": its certificate is for another name"));
  }
  show({.issuer = &ca, .begins_in_s = -200, .ends_in_s = -100});
  EXPECT_THAT(ask("localhost", {.ca_path = ca_path}), EndsWith(": its certificate has expired"));
  show({.issuer = &ca, .begins_in_s = 100});
  EXPECT_THAT(ask("localhost", {.ca_path = ca_path}),
              EndsWith(": its certificate is not valid yet"));
  EXPECT_EQ(ask("localhost", {.verify = false}), "hello\n");
}

TEST_F(TlsServerTest, ClientReportsAServerWithoutTls) {
  const auto plain =
      Send(*ParseHttpUrl("http://" + server.address()), {.path = "/hello"}, Deadline::After(30s));
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_EQ(plain->status, 400);
  Server http(runtime.io(), Router(TlsRoutes(gate)), Limits(60s), metrics);
  ASSERT_TRUE(http.Listen("127.0.0.1:0").ok());
  const auto answer =
      Send(*ParseHttpUrl("https://" + http.address()), {.path = "/hello"}, Deadline::After(30s));
  ASSERT_FALSE(answer.ok());
  EXPECT_THAT(answer.error().message, EndsWith("the server does not speak TLS"));
  http.StopAccepting();
  EXPECT_TRUE(http.WaitIdle(Deadline::After(30s)));
}

}  // namespace
}  // namespace tarn::http
