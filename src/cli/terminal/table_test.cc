#include "cli/terminal/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands/remote.h"

namespace tarn::cli {
namespace {

TEST(TableOf, AlignsNumbersToTheRightAndTextToTheLeft) {
  const auto table =
      TableOf(R"({"columns":[{"name":"city","type":"VARCHAR"},{"name":"n","type":"BIGINT"}],
      "rows":[["São Paulo",7],["Rome",123],[null,null]],"row_count":3})");
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->Text(0),
            "city          n\n"
            "---------  ----\n"
            "São Paulo     7\n"
            "Rome        123\n"
            "NULL       NULL\n");
}

TEST(TableOf, ReportsResponsesThatCannotBeParsed) {
  std::string many = "[0";
  for (size_t i = 0; i < kAnswerLimits.values; ++i) many += ",0";
  EXPECT_EQ(TableOf(many + "]").error().message, "the response: more than 20000000 values");
  EXPECT_THAT(TableOf("oops").error().message, testing::StartsWith("the response: parse error"));
}

TEST(TableOf, RefusesOtherText) {
  EXPECT_FALSE(TableOf(R"({"rows":[]})").ok());
  EXPECT_FALSE(TableOf(R"({"columns":[{"name":"a"}],"rows":[[]]})").ok());
}

TEST(Table, CutsTheWidestColumns) {
  Table table({{"id", true}, {"text"}});
  table.Add({"1", "a text that is far too long for it"});
  table.Add({"22", "日本語の長いテキスト"});
  EXPECT_EQ(table.Text(20),
            "id  text\n"
            "--  ----------------\n"
            " 1  a text that is …\n"
            "22  日本語の長いテ…\n");
  EXPECT_THAT(table.Text(3), testing::HasSubstr("id  text")) << "some of each column is left";
}

TEST(Table, EscapesControlCharacters) {
  Table table({{"x\x1b[2J"}});
  table.Add({"a\x1b]0;title\x07\tb\nc\x7f"});
  EXPECT_EQ(table.Text(0),
            "x\\x1b[2J\n"
            "---------------------------\n"
            "a\\x1b]0;title\\x07\\tb\\nc\\x7f\n");
}

TEST(Table, WithoutColumnsIsEmpty) { EXPECT_EQ(Table({}).Text(0), ""); }

TEST(Table, ABoxHasTypesAndFits) {
  Table table({{"n", true, "BIGINT"}, {"text", false, "VARCHAR"}});
  table.Add({"1", "short"});
  table.Add({"22", "a text that is too long"});
  EXPECT_EQ(table.Box(26),
            "┌────────┬───────────────┐\n"
            "│      n │ text          │\n"
            "│ BIGINT │ VARCHAR       │\n"
            "├────────┼───────────────┤\n"
            "│      1 │ short         │\n"
            "│     22 │ a text that … │\n"
            "└────────┴───────────────┘\n");
}

TEST(Table, ShowsRowsAsListsIfItDoesNotFit) {
  Table table({{"id", true, "BIGINT"}, {"a name", false, "VARCHAR"}});
  table.Add({"1", "one\x1b"});
  table.AddCells({{"22"}, {"NULL", true}});
  EXPECT_TRUE(table.Fits(0)) << "no terminal";
  EXPECT_TRUE(table.Fits(80));
  EXPECT_TRUE(table.Fits(19));
  EXPECT_FALSE(table.Fits(18)) << "less than 6 of each, and 7 of lines";
  EXPECT_EQ(table.Records(16),
            "──[ row 1 ]─────\n"
            "id      1\n"
            "a name  one\\x1b\n"
            "──[ row 2 ]─────\n"
            "id      22\n"
            "a name  NULL\n");
}

}  // namespace
}  // namespace tarn::cli
