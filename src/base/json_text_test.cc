#include "base/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tarn {
namespace {

std::string Json(std::string_view text) {
  std::string out = "[";
  AppendJsonText(out, text);
  return out.substr(1);
}

TEST(AppendJsonText, WritesEveryByteAsTheLibraryDoes) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const std::string text = std::string("a") + static_cast<char>(byte) + "z";
    EXPECT_EQ(Json(text), nlohmann::json(text).dump());
  }
  EXPECT_EQ(Json(""), "\"\"");
  EXPECT_EQ(Json("é 日本"), "\"é 日本\"");
}

TEST(AppendJsonText, ReplacesBytesThatAreNotUtf8) { EXPECT_EQ(Json("a\xFFz"), "\"a\uFFFDz\""); }

}  // namespace
}  // namespace tarn
