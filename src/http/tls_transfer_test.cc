// Requests and responses over TLS.

#include "http/test_tls_server.h"

namespace tarn::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

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

}  // namespace
}  // namespace tarn::http
