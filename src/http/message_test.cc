#include "http/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::http {
namespace {

TEST(RenderProblem, ShortensALongDetail) {
  const std::string detail = "decode body: " + std::string(10'000'000, 'x');
  for (const bool problem_json : {false, true}) {
    const Response response = RenderProblem(400, detail, problem_json);
    const auto& body = std::get<std::string>(response.body);
    EXPECT_LT(body.size(), 10'000U);
    EXPECT_NE(body.find("decode body: xxx"), std::string::npos);
    EXPECT_NE(body.find("x…"), std::string::npos);
  }
}

TEST(ClientWatch, CallsOnceAndAtOnceAfterADisconnect) {
  ClientWatch watch;
  int first = 0;
  int second = 0;
  watch.OnDisconnect([&] { ++first; });
  watch.OnDisconnect([&] { ++second; });
  EXPECT_FALSE(watch.disconnected());
  watch.MarkDisconnected();
  watch.MarkDisconnected();
  EXPECT_TRUE(watch.disconnected());
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  watch.OnDisconnect([&] { ++first; });
  EXPECT_EQ(first, 1);
  watch.OnDisconnect(nullptr);

  ClientWatch reset;
  reset.OnDisconnect([&] { ++first; });
  reset.OnDisconnect(nullptr);
  reset.MarkDisconnected();
  EXPECT_EQ(first, 1);
}

TEST(RenderError, AddsRetryAfterOnlyTo503) {
  const Response later = RenderError(Unavailable("full"), Request{});
  EXPECT_EQ(later.status, 503);
  EXPECT_THAT(later.headers, testing::Contains(testing::Pair("Retry-After", "1")));
  EXPECT_THAT(RenderError({ErrorKind::kTimeout, "late"}, Request{}).headers,
              testing::ElementsAre(testing::Pair("Vary", "Accept")));
  EXPECT_EQ(StatusOf(ErrorKind::kTimeout), 504);
}

}  // namespace
}  // namespace tarn::http
