#include "http/message.h"

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

}  // namespace
}  // namespace tarn::http
