#include "base/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/redact.h"

namespace tarn::log {
namespace {

TEST(RenderText, WritesOneLineOfKeysAndValues) {
  EXPECT_EQ(RenderText("queryd", Level::kInfo, "refresh", {{"created", 1}, {"took_ms", 2.5}}),
            "INFO queryd: refresh created=1 took_ms=2.5");
  EXPECT_EQ(RenderText("queryd", Level::kWarn, "a\nb", {{"error", "x y\n\"z\""}, {"e", ""}}),
            R"(WARN queryd: a\nb error="x y\n\"z\"" e="")");
}

TEST(RenderText, EscapesControlAndBidirectionalCharacters) {
  // NEL, CSI, DEL, a right-to-left override, a line separator, a tag, and a byte that is not UTF-8.
  for (const std::string bad : {"\xC2\x85", "\xC2\x9B", "\x7F", "\xE2\x80\xAE", "\xE2\x80\xA8",
                                "\xF3\xA0\x81\x81", "\x9B", "\x1B", "\r"}) {
    const std::string line =
        RenderText("queryd", Level::kWarn, "a" + bad + "z", {{"value", "b" + bad + "y"}});
    EXPECT_EQ(line.find(bad), std::string::npos) << line;
    EXPECT_NE(line.find("value=\"b"), std::string::npos) << line;
  }
  EXPECT_EQ(RenderText("queryd", Level::kWarn, "a\xC2\x9Bz", {{"v", "b\xE2\x80\xAE"}}),
            R"(WARN queryd: a\x9bz v="b\u202e")");
  EXPECT_EQ(RenderText("queryd", Level::kInfo, "é 日本 שלום 🚀", {{"v", "é日本🚀"}}),
            "INFO queryd: é 日本 שלום 🚀 v=é日本🚀");
}

TEST(RenderText, EscapesVariationSelectorsBlanksAndJoiners) {
  EXPECT_EQ(RenderText("queryd", Level::kInfo, "a\u2800b\uFE0F", {{"v", "c\u00A0level=\u200D"}}),
            R"(INFO queryd: a\u2800b\ufe0f v="c\u00a0level=\u200d")");
  EXPECT_EQ(RenderText("queryd", Level::kInfo, "m", {{"v", "a\U000E0100b"}}),
            R"(INFO queryd: m v="a\udb40\udd00b")");
}

TEST(Render, ShortensLongTexts) {
  const std::string long_text(1'000'000, 'x');
  EXPECT_LT(RenderText("queryd", Level::kInfo, long_text, {{"error", long_text}}).size(),
            2 * kTextBytesMax + 100);
  EXPECT_LT(RenderJson("t", Level::kInfo, long_text, {{"error", long_text}}).size(),
            2 * kTextBytesMax + 100);
}

// A secret across the limit is not shown in part.
TEST(Render, RedactsBeforeShortening) {
  const std::string secret = "a-secret-that-is-cut-in-two";
  ProcessRedactor().Add(secret);
  const std::string text = std::string(kTextBytesMax - 10, 'x') + secret + "y";
  EXPECT_EQ(RenderText("queryd", Level::kInfo, "m", {{"error", text}}).find("a-secret"),
            std::string::npos);
}

TEST(RenderJson, WritesAnObject) {
  const std::string line = RenderJson("2026-01-01T00:00:00.000000Z", Level::kError, "it's \"bad\"",
                                      {{"n", int64_t{-3}}, {"ok", false}, {"s", "\xFF\n"}});
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed["level"], "error");
  EXPECT_EQ(parsed["msg"], "it's \"bad\"");
  EXPECT_EQ(parsed["n"], -3);
  EXPECT_EQ(parsed["ok"], false);
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(RenderJson, EscapesUnprintableCharactersAndKeepsTheValue) {
  const std::string value = "a\xC2\x85\x7F\xE2\x80\xAE\xF3\xA0\x81\x81é";
  const std::string line = RenderJson("2026-01-01T00:00:00Z", Level::kInfo, value, {{"v", value}});
  EXPECT_NE(line.find(R"("v":"a\u0085\u007f\u202e\udb40\udc41é")"), std::string::npos) << line;
  EXPECT_EQ(nlohmann::json::parse(line)["msg"], value);
}

}  // namespace
}  // namespace tarn::log
