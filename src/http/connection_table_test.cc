#include "http/connection_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "http/test_hostile_client.h"

namespace tarn::http {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class FewConnectionsTest : public HostileClientTest {
 protected:
  FewConnectionsTest() : HostileClientTest(Few()) {}
  static HttpSettings Few() {
    HttpSettings settings = Settings();
    settings.connections_max = 3;
    settings.connections_per_address_max = 2;
    settings.reserved_connections = 4;
    return settings;
  }
};

TEST_F(FewConnectionsTest, EvictsTheLongestWaitingConnection) {
  Socket first = Open("127.0.0.2");
  ASSERT_TRUE(HasConnections(1));
  Socket second = Open("127.0.0.3");
  ASSERT_TRUE(HasConnections(2));
  Socket third = Open("127.0.0.4");
  ASSERT_TRUE(HasConnections(3));
  // It waits again since its response.
  RequestAgain(first);
  EXPECT_THAT(Get("/hello"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(ReadAll(second), "");
  EXPECT_THAT(RequestAgain(first), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(RequestAgain(third), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(Eventual(R"(tarn_http_connections_evicted_total{limit="http.connections_max"} 1)"));
  EXPECT_TRUE(Eventual(R"(tarn_http_connections_refused_total{limit="http.connections_max"} 0)"));
}

// Two addresses together reach the total limit before either reaches its own.
TEST_F(FewConnectionsTest, EvictsFromTheAddressWithTheMostWaitingConnections) {
  Socket idle = Open("127.0.0.2");
  ASSERT_TRUE(HasConnections(1));
  Socket first = Open("127.0.0.3");
  ASSERT_TRUE(HasConnections(2));
  Socket second = Open("127.0.0.3");
  ASSERT_TRUE(HasConnections(3));
  Socket third = Open("127.0.0.4");
  EXPECT_EQ(ReadAll(first), "");
  EXPECT_THAT(RequestAgain(idle), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(RequestAgain(second), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(RequestAgain(third), StartsWith("HTTP/1.1 200 "));
}

TEST_F(FewConnectionsTest, CountsIncompleteRequestsAsWaiting) {
  const std::vector<std::string> halves = {
      "GET /hel", std::string("POST /echo HTTP/1.1\r\n") + kHost + "Content-Length: 5\r\n\r\nab"};
  for (const std::string& half : halves) {
    Socket slow = Open("127.0.0.2");
    Send(slow, half);
    ASSERT_TRUE(HasConnections(1));
    Socket busy = Occupy("127.0.0.3");
    Socket other = Occupy("127.0.0.4");
    EXPECT_THAT(Get("/hello"), StartsWith("HTTP/1.1 200 ")) << half;
    ReadAll(slow);  // Until the end.
    gate.open = true;
    busy.shutdown(Socket::shutdown_send);
    other.shutdown(Socket::shutdown_send);
    EXPECT_THAT(ReadAll(busy), EndsWith("waited\n"));
    EXPECT_THAT(ReadAll(other), EndsWith("waited\n"));
    ASSERT_TRUE(HasConnections(0));
    gate.open = false;
  }
}

TEST_F(FewConnectionsTest, LimitsTheConnectionsOfOneAddress) {
  const Socket first = Occupy("127.0.0.2");
  const Socket second = Occupy("127.0.0.2");
  EXPECT_THAT(Get("/hello", "127.0.0.2"),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: 1\r\n"),
                    HasSubstr("Connection: close\r\n"),
                    EndsWith("\r\n\r\ntoo many connections from this address\n")));
  EXPECT_THAT(Get("/hello", "127.0.0.3"), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(Eventual(
      R"(tarn_http_connections_refused_total{limit="http.connections_per_address_max"} 1)"));
}

TEST_F(FewConnectionsTest, EvictsWithinAnAddressAtItsLimit) {
  Socket other = Open("127.0.0.3");
  ASSERT_TRUE(HasConnections(1));
  Socket first = Open("127.0.0.2");
  ASSERT_TRUE(HasConnections(2));
  const Socket second = Open("127.0.0.2");
  ASSERT_TRUE(HasConnections(3));
  Socket third = Open("127.0.0.2");
  EXPECT_EQ(ReadAll(first), "");
  EXPECT_THAT(RequestAgain(third), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(RequestAgain(other), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(Eventual(
      R"(tarn_http_connections_evicted_total{limit="http.connections_per_address_max"} 1)"));
}

class DefaultConnectionsTest : public HostileClientTest {
 protected:
  DefaultConnectionsTest() : HostileClientTest(Few()) {}
  static HttpSettings Few() {
    HttpSettings settings = Settings();
    settings.connections_max = 4;
    return settings;
  }
};

TEST_F(DefaultConnectionsTest, LetsALoopbackAddressUseAllConnections) {
  const Socket first = Occupy("127.0.0.1");
  const Socket second = Occupy("127.0.0.1");
  const Socket third = Occupy("127.0.0.1");
  EXPECT_THAT(Get("/hello", "127.0.0.1"), StartsWith("HTTP/1.1 200 "));
}

TEST(ConnectionTable, LimitsOtherAddressesMoreThanLoopback) {
  using Limit = ConnectionTable::Limit;
  ConnectionTable table({.connections_max = 4, .per_address_max = 1, .per_loopback_max = 4});
  // The table does not use the sessions.
  std::array<char, 4> places = {};
  const auto session = [&](size_t i) {
    return std::shared_ptr<Session>(std::shared_ptr<void>(),
                                    reinterpret_cast<Session*>(&places[i]));
  };
  EXPECT_EQ(table.Add(session(0), "127.0.0.1", true).limit, Limit::kNone);
  EXPECT_EQ(table.Add(session(1), "127.0.0.1", true).limit, Limit::kNone);
  EXPECT_EQ(table.Add(session(2), "192.0.2.1", false).limit, Limit::kNone);
  EXPECT_EQ(table.Add(session(3), "192.0.2.1", false).limit, Limit::kAddress);
}

TEST_F(FewConnectionsTest, ServesHealthAndMetricsBeyondTheLimit) {
  const Socket first = Occupy("127.0.0.2");
  const Socket second = Occupy("127.0.0.2");
  const Socket third = Occupy("127.0.0.3");
  for (const char* from : {"127.0.0.2", "127.0.0.4"}) {
    for (const char* path : {"/healthz", "/readyz", "/metrics"}) {
      EXPECT_THAT(Exchange(std::string("GET ") + path + " HTTP/1.1\r\n" + kHost + "\r\n", from),
                  AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Connection: close\r\n")));
    }
    EXPECT_THAT(Get("/openapi.json", from), StartsWith("HTTP/1.1 503 "));
  }
  EXPECT_EQ(gate.gone, 0);
}

TEST_F(FewConnectionsTest, GivesReservedSlotsToTheNewestConnections) {
  const Socket first = Occupy("127.0.0.2");
  const Socket second = Occupy("127.0.0.3");
  const Socket third = Occupy("127.0.0.4");
  // One address gets two of the four slots.
  Socket idle = Open("127.0.0.5");
  ASSERT_TRUE(HasConnections(4));
  Socket half = Open("127.0.0.5");
  Send(half, "GET /heal");
  ASSERT_TRUE(HasConnections(5));
  EXPECT_THAT(Get("/healthz", "127.0.0.5"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(ReadAll(idle), "");
  EXPECT_EQ(gate.gone, 0);
  EXPECT_TRUE(Eventual(R"(tarn_http_connections_refused_total{limit="http.connections_max"} 1)"));
  EXPECT_THAT(Get("/healthz", "127.0.0.6"), StartsWith("HTTP/1.1 200 "));
  Send(half, std::string("thz HTTP/1.1\r\n") + kHost + "\r\n");
  EXPECT_THAT(ReadAll(half), StartsWith("HTTP/1.1 200 "));
}

TEST_F(FewConnectionsTest, ReleasesAllConnectionsAfterAFlood) {
  std::vector<Socket> flood;
  for (int i = 0; i < 300; ++i) {
    flood.push_back(Open("127.0.0." + std::to_string(i % 100 + 1)));
    if (i % 3 == 0) {
      boost::system::error_code ignored;
      boost::asio::write(flood.back(), boost::asio::buffer(std::string("GET /hello HTTP/1.1\r\n")),
                         ignored);
    }
  }
  EXPECT_TRUE(HasConnections(3));
  flood.clear();
  EXPECT_TRUE(HasConnections(0));
  EXPECT_THAT(Get("/hello"), StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace tarn::http
