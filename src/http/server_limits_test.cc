// The limits of a server: times, bytes and connections.

#include "http/test_server_fixture.h"

namespace tarn::http {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

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

}  // namespace
}  // namespace tarn::http
