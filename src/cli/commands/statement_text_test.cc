#include "cli/commands/statement_text.h"

#include <gtest/gtest.h>

namespace tarn::cli {
namespace {

constexpr size_t kOpen = std::string_view::npos;

TEST(EndOfStatement, IsAfterTheSemicolon) {
  EXPECT_EQ(EndOfStatement("SELECT 1;"), 9U);
  EXPECT_EQ(EndOfStatement("SELECT 1; SELECT 2;"), 9U);
  EXPECT_EQ(EndOfStatement("SELECT 1"), kOpen);
  EXPECT_EQ(EndOfStatement(""), kOpen);
}

TEST(EndOfStatement, IgnoresSemicolonsInQuotesAndComments) {
  EXPECT_EQ(EndOfStatement("SELECT ';';"), 11U);
  EXPECT_EQ(EndOfStatement("SELECT 'it''s;';"), 16U);
  EXPECT_EQ(EndOfStatement("SELECT \";\";"), 11U);
  EXPECT_EQ(EndOfStatement("SELECT 1 -- ;\n;"), 15U);
  EXPECT_EQ(EndOfStatement("SELECT 1 /* ; /* ; */ ; */;"), 27U);
  EXPECT_EQ(EndOfStatement("SELECT $$;$$;"), 13U);
  EXPECT_EQ(EndOfStatement("SELECT $a$;$$;$a$;"), 18U);
  EXPECT_EQ(EndOfStatement("SELECT $1;"), 10U) << "a parameter";
  for (const char* open : {"SELECT ';", "SELECT \";", "SELECT 1 -- ;", "SELECT /* ; ", "SELECT $$;",
                           "SELECT $a$;$$;", "/* /* */ ;"}) {
    EXPECT_EQ(EndOfStatement(open), kOpen) << open;
  }
}

TEST(WordBefore, FindsTheWordAtTheCursor) {
  EXPECT_EQ(WordBefore("SELECT ori").text, "ori");
  EXPECT_EQ(WordBefore("SELECT f.ori").text, "ori");
  EXPECT_EQ(WordBefore("SELECT ").text, "");
  EXPECT_EQ(WordBefore(".for").text, ".for");
  EXPECT_EQ(WordBefore("FROM größe").text, "größe");
  EXPECT_EQ(WordBefore("'a' || b").text, "b");
  const Word quoted = WordBefore("FROM \"my ta");
  EXPECT_EQ(quoted.text, "my ta");
  EXPECT_TRUE(quoted.is_quoted);
  EXPECT_TRUE(WordBefore("SELECT 'ab").is_in_literal);
  EXPECT_TRUE(WordBefore("SELECT 1 -- ab").is_in_literal);
}

TEST(EndOfStatement, HandlesEscapesInStrings) {
  const std::string_view text = R"(SELECT E'it\'s; x', 'a\';)";
  EXPECT_EQ(EndOfStatement(text), text.size());
  EXPECT_EQ(EndOfStatement(R"(SELECT E'open\';)"), std::string_view::npos);
  EXPECT_EQ(EndOfStatement(R"(SELECT name'a\';)"), 16U) << "the prefix is not E";
}

TEST(IsBlank, AcceptsTextWithoutAStatement) {
  for (const char* text : {"", " \n", "-- done\n", " /* a */ -- b\n\n"}) {
    EXPECT_TRUE(IsBlank(text)) << text;
  }
  for (const char* text : {"SELECT", "-- open", "/* open", "/* a */ x", "'a'"}) {
    EXPECT_FALSE(IsBlank(text)) << text;
  }
}

}  // namespace
}  // namespace tarn::cli
