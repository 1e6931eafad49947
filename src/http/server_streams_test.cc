// Responses that are streams.

#include "http/test_server_fixture.h"

namespace tarn::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

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

TEST_F(ServerTest, EndsAStreamOnDisconnect) {
  {
    asio::ip::tcp::socket socket = Connect();
    Write(socket, "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(ReadUntil(socket, "xxxx"), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_TRUE(Eventually([&] { return gate.ended == 1; }));
  EXPECT_EQ(gate.gone, 1);
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

}  // namespace
}  // namespace tarn::http
