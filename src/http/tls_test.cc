// Handshakes, certificates and protocols of TLS.

#include "http/test_tls_server.h"

namespace tarn::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

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
