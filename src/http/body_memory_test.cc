#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/test_hostile_client.h"

namespace tarn::http {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kBodyBytes = 600'000;  // Two of them exceed the limit.

// A large piece, and the end when the gate opens.
class LargePiece : public BodyStream {
 public:
  LargePiece(Gate& gate, const Request& request) : gate_(gate), request_(request) {}
  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    if (!is_first_) {
      [[maybe_unused]] const Result<Response> ignored = co_await WaitForGate(gate_, request_);
      co_return std::optional<std::string>();
    }
    is_first_ = false;
    co_return std::optional(std::string(kBodyBytes, 'x'));
  }

 private:
  Gate& gate_;
  const Request& request_;
  bool is_first_ = true;
};

std::vector<Route> LargeRoutes(Gate& gate) {
  std::vector<Route> routes;
  routes.push_back(
      {.method = "GET",
       .path = "/reserved",
       .handler = [&gate](const Request& request) -> asio::awaitable<Result<Response>> {
         const Result<> reserved = request.ReserveResponse(kBodyBytes);
         if (!reserved.ok()) co_return reserved.error();
         [[maybe_unused]] const Result<Response> ignored = co_await WaitForGate(gate, request);
         co_return Response::Text(200, std::string(kBodyBytes, 'x'));
       }});
  routes.push_back(
      {.method = "GET",
       .path = "/stream",
       .handler = [&gate](const Request& request) -> asio::awaitable<Result<Response>> {
         co_return Response{.body = std::make_unique<LargePiece>(gate, request)};
       }});
  return routes;
}

class BodyMemoryTest : public HostileClientTest {
 protected:
  BodyMemoryTest() : HostileClientTest(Limited(), LargeRoutes) {}

  static HttpSettings Limited() {
    HttpSettings settings = Settings();
    settings.body_memory_max = 1'000'000;
    return settings;
  }
  bool HasMetric(const std::string& line) const {
    return metrics.Render().find(line + "\n") != std::string::npos;
  }

  void ExpectOneAtATime(const std::string& path) {
    Socket first = Open();
    Send(first, "GET " + path + " HTTP/1.1\r\n" + kHost + kClose);
    ASSERT_TRUE(Eventually([this] { return gate.entered == 1; }));
    EXPECT_TRUE(HasMetric("tarn_http_body_bytes 600000"));
    const std::string refused = Get(path);
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
    EXPECT_THAT(refused, HasSubstr("(http.body_memory_max), try again later\n"));
    EXPECT_TRUE(HasMetric("tarn_http_bodies_refused_total 1"));
    EXPECT_EQ(gate.entered, 1);
    EXPECT_THAT(Get("/hello"), StartsWith("HTTP/1.1 200 "));
    gate.open = true;
    EXPECT_GT(ReadAll(first).size(), kBodyBytes);
    EXPECT_TRUE(Eventual("tarn_http_body_bytes 0"));
    EXPECT_THAT(Get(path), StartsWith("HTTP/1.1 200 "));
  }
};

TEST_F(BodyMemoryTest, AHandlerReservesMemoryBeforeItMakesAResponse) {
  ExpectOneAtATime("/reserved");
}

TEST_F(BodyMemoryTest, CountsTheFirstPieceOfAStream) { ExpectOneAtATime("/stream"); }

}  // namespace
}  // namespace tarn::http
