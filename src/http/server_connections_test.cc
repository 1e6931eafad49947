// Disconnects, draining and pipelining.

#include "http/test_server_fixture.h"

namespace tarn::http {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST_F(ServerTest, ReleasesAnIncompleteRequestOnDisconnect) {
  for (const char* half :
       {"GET /hel", "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab"}) {
    {
      asio::ip::tcp::socket socket = Connect();
      ASSERT_TRUE(EventuallyConnections(1));
      Write(socket, half);
    }
    EXPECT_TRUE(EventuallyConnections(0)) << half;
  }
}

TEST_F(ServerTest, DeliversAResponseSentBeforeTheBodyIsRead) {
  asio::ip::tcp::socket socket = Connect();
  Write(socket, "POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\nbegin");
  EXPECT_THAT(ReadUntil(socket, "no such path\n"),
              testing::AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("Connection: close\r\n")));
  Write(socket, std::string(400'000, 'x'));  // Read and dropped: no reset.
  EXPECT_EQ(ReadToEnd(socket), "");
}

TEST_F(ServerTest, ClosesIdleConnectionsAndFinishesRequestsOnDrain) {
  asio::ip::tcp::socket idle = Connect();
  asio::ip::tcp::socket busy = Connect();
  Write(busy, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  // Both connections must be accepted and the request read before the drain.
  ASSERT_TRUE(EventuallyConnections(2));
  ASSERT_TRUE(Eventually([&] { return gate.entered == 1; }));
  server.StopAccepting();
  EXPECT_EQ(ReadToEnd(idle), "");
  EXPECT_EQ(gate.gone, 0);
  gate.open = true;
  const std::string answer = ReadToEnd(busy);
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nwaited\n"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_TRUE(server.WaitIdle(Deadline::After(30s)));
}

TEST_F(ServerTest, NotifiesAHandlerOfADisconnect) {
  for (const bool reset : {false, true}) {
    gate.entered = 0;
    gate.gone = 0;
    asio::ip::tcp::socket socket = Connect();
    Write(socket, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(Eventually([&] { return gate.entered == 1; }));
    EXPECT_EQ(gate.gone, 0);
    if (reset) socket.set_option(asio::socket_base::linger(true, 0));
    socket.close();
    EXPECT_TRUE(Eventually([&] { return gate.gone == 1; })) << reset;
    EXPECT_TRUE(EventuallyConnections(0)) << reset;
  }
}

TEST_F(ServerTest, AnswersAClientThatShutsDownItsSendingSide) {
  asio::ip::tcp::socket socket = Connect();
  Write(socket, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  socket.shutdown(asio::ip::tcp::socket::shutdown_send);
  EXPECT_THAT(ReadToEnd(socket), testing::EndsWith("waited\n"));
  EXPECT_EQ(gate.gone, 1);
}

TEST_F(ServerTest, NotifiesHandlersOfCloseAll) {
  asio::ip::tcp::socket socket = Connect();
  Write(socket, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return gate.entered == 1; }));
  server.StopAccepting();
  EXPECT_FALSE(server.WaitIdle(Deadline::After(20ms)));
  EXPECT_EQ(gate.gone, 0);
  server.CloseAll();
  EXPECT_TRUE(server.WaitIdle(Deadline::After(30s)));
  EXPECT_EQ(gate.gone, 1);
  EXPECT_EQ(ReadToEnd(socket), "");
}

TEST_F(ServerTest, AnswersRequestsReceivedDuringAHandler) {
  asio::ip::tcp::socket socket = Connect();
  Write(socket, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return gate.entered == 1; }));
  // More than the server reads ahead, so that it must stop and resume.
  constexpr int kCount = 4000;
  std::string more;
  for (int i = 0; i < kCount; ++i) {
    more += "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\n[" +
            std::to_string(1000 + i) + "]";
  }
  std::atomic<bool> written = false;
  std::thread writer([&] {
    Write(socket, more + "GET /hello HTTP/1.1\r\nHost: localhost\r\n" + kClose);
    written = true;
  });
  // Bytes that the server has not read are in the kernel's buffers.
  EXPECT_TRUE(Eventually([&] { return written.load(); }));
  EXPECT_EQ(gate.gone, 0);
  gate.open = true;
  const std::string answer = ReadToEnd(socket);
  writer.join();
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nhello\n"));
  size_t at = answer.find("waited\n");
  for (int i = 0; i < kCount && at != std::string::npos; ++i) {
    at = answer.find("[" + std::to_string(1000 + i) + "]", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_EQ(gate.gone, 0);
}

}  // namespace
}  // namespace tarn::http
