#include "base/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tarn::log {
namespace {

TEST(RenderText, IsOneLineOfKeyAndValue) {
  EXPECT_EQ(RenderText("queryd", Level::kInfo, "refresh", {{"created", 1}, {"took_ms", 2.5}}),
            "INFO queryd: refresh created=1 took_ms=2.5");
  EXPECT_EQ(RenderText("queryd", Level::kWarn, "a\nb", {{"error", "x y\n\"z\""}, {"e", ""}}),
            R"(WARN queryd: a\nb error="x y\n\"z\"" e="")");
}

TEST(RenderJson, IsAnObject) {
  const std::string line = RenderJson("2026-01-01T00:00:00.000000Z", Level::kError, "it's \"bad\"",
                                      {{"n", int64_t{-3}}, {"ok", false}, {"s", "\xFF\n"}});
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed["level"], "error");
  EXPECT_EQ(parsed["msg"], "it's \"bad\"");
  EXPECT_EQ(parsed["n"], -3);
  EXPECT_EQ(parsed["ok"], false);
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace tarn::log
