#include "cli/terminal/colours.h"

#include <gtest/gtest.h>

#include "cli/terminal/table.h"

namespace tarn::cli {
namespace {

TEST(Colours, AreOffByDefault) {
  EXPECT_EQ(Colours()(Style::kBad, "no"), "no");
  EXPECT_EQ(Colours::On()(Style::kBad, "no"), "\x1b[1;31mno\x1b[0m");
  EXPECT_EQ(Colours::On()(Style::kPlain, "text"), "text");
  EXPECT_EQ(Colours::On()(Style::kGood, ""), "");
}

TEST(Colours, AreOffForFiles) {
  FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(Colours::For(file)(Style::kStrong, "text"), "text");
  std::fclose(file);
}

TEST(Colours, DistinguishNullFromTheTextNull) {
  const auto table = TableOf(
      R"({"columns":[{"name":"a","type":"VARCHAR"}],"rows":[[null],["NULL"]],"row_count":2})");
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->Text(0, Colours::On()),
            "\x1b[1ma\x1b[0m\n"
            "\x1b[2m----\x1b[0m\n"
            "\x1b[2mNULL\x1b[0m\n"
            "NULL\n");
}

}  // namespace
}  // namespace tarn::cli
