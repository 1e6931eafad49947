#include "engine/gate/sql_nesting.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "duck/database.h"

namespace tarn::engine {
namespace {

using testing::HasSubstr;

std::string Times(size_t count, std::string_view text) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

// Returns the error message, or "" if the text passes.
std::string NestingRefusal(const std::string& sql, size_t levels_max = 10) {
  const Result<> checked = CheckNesting(sql, levels_max);
  return checked.ok() ? "" : checked.error().message;
}

TEST(SqlNesting, CountsBracketsOfAllKindsTogether) {
  EXPECT_EQ(NestingRefusal("SELECT " + Times(10, "(") + "1" + Times(10, ")")), "");
  EXPECT_EQ(NestingRefusal("SELECT " + Times(11, "(") + "1" + Times(11, ")")),
            "not allowed: brackets nested more than 10 levels deep (queryd.nesting_max)");
  EXPECT_THAT(NestingRefusal("SELECT " + Times(4, "({'a':[") + "1"), HasSubstr("brackets"));
  EXPECT_EQ(NestingRefusal("SELECT " + Times(100, "([{'a': (1)}])")), "");
  EXPECT_EQ(NestingRefusal(")))))" + Times(10, "(")), "");
}

TEST(SqlNesting, CountsComments) {
  EXPECT_EQ(NestingRefusal(Times(10, "/* ") + Times(10, "*/") + "SELECT 1"), "");
  EXPECT_EQ(NestingRefusal(Times(11, "/* ") + Times(11, "*/") + "SELECT 1"),
            "not allowed: comments nested more than 10 levels deep (queryd.nesting_max)");
  EXPECT_THAT(NestingRefusal("SELECT 1" + Times(11, "/**/")), HasSubstr("without a space"));
  EXPECT_EQ(NestingRefusal("SELECT 1" + Times(100, "/**/ ")), "");
  EXPECT_EQ(NestingRefusal("/" + Times(1000, "*") + "/ SELECT 1 /*" + Times(1000, "=-") + "*/"),
            "");
  EXPECT_EQ(NestingRefusal("-- " + Times(1000, "/*(") + "\nSELECT 1"), "");
  EXPECT_EQ(NestingRefusal(Times(1000, "--(\r")), "");
}

TEST(SqlNesting, RefusesRunsOfOperators) {
  EXPECT_THAT(NestingRefusal("SELECT 1 " + Times(17, "+") + "1"), HasSubstr("operator"));
  EXPECT_EQ(NestingRefusal("SELECT 1 " + Times(16, "+") + "1"), "");
  EXPECT_EQ(NestingRefusal("SELECT " + Times(1000, "- ") + "1"), "");
  EXPECT_EQ(NestingRefusal("SELECT 1 +" + Times(1000, "-")), "");  // A comment.
}

TEST(SqlNesting, IgnoresBracketsInStringsNamesAndComments) {
  const std::string deep = Times(20, "(");
  for (const char* form :
       {"SELECT '{}'", "SELECT 'it''s {}'", "SELECT \"{}\"", "SELECT \"a\"\"{}\"", "SELECT $${}$$",
        "SELECT $a${}$a$", "SELECT $a$ $b$ {} $a$", "SELECT E'{}'", "SELECT e'\\'{}'",
        "SELECT E'a''\\'{}'", "SELECT E'a'\n  '\\'{}'", "SELECT E'a' --x\n '\\'{}'", "SELECT x'{}'",
        "-- {}"}) {
    EXPECT_EQ(NestingRefusal(fmt::format(fmt::runtime(form), deep)), "") << form;
  }
  for (const char* form :
       {"SELECT '\\'{}'", "SELECT xe'\\'{}'", "SELECT a$b${}$b$", "SELECT $1{}", "SELECT $a{}",
        "SELECT $1${}$1$", "SELECT '' {}", "SELECT E'\\\\'{}", "SELECT E'a'\n'\\''{}",
        "SELECT\xC2\xA0"
        "E'\\''{}",
        "/* ' */ {}", "/* \" */ {}", "-- '\n{}", "SELECT é$a${}$a$"}) {
    EXPECT_THAT(NestingRefusal(fmt::format(fmt::runtime(form), deep)), HasSubstr("brackets"))
        << form;
  }
}

// Compares with DuckDB's lexer: a bracket is a syntax error outside of a string, and no error
// within a string.
TEST(SqlNesting, AgreesWithDuckDb) {
  duck::Connection connection = *duck::Database::Open({})->Connect();
  for (const char* form : {"SELECT '{}'",
                           "SELECT 'it''s {}'",
                           "SELECT 1 AS \"{}\"",
                           "SELECT 1 AS \"a\"\"{}\"",
                           "SELECT $${}$$",
                           "SELECT $a${}$a$",
                           "SELECT $a$ $b$ {} $a$",
                           "SELECT E'{}'",
                           "SELECT e'\\'{}'",
                           "SELECT E'a''\\'{}'",
                           "SELECT E'a'\n  '\\'{}'",
                           "SELECT E'a' --x\n '\\'{}'",
                           "SELECT '\\'{}'",
                           "SELECT 1 AS a$b${}$b$",
                           "SELECT $a{}",
                           "SELECT '' {}",
                           "SELECT E'\\\\'{}",
                           "SELECT E'a'\n'\\''{}",
                           "SELECT\xC2\xA0"
                           "E'\\''{}",
                           "SELECT 1 /* ' */ {}",
                           "SELECT 1 -- '\n{}",
                           "SELECT 1 AS é$a${}$a$",
                           "SELECT 1 /* {} */",
                           "SELECT 1 /*/*/ {} */*/",
                           "SELECT 1 /**/ {}",
                           "SELECT 1 /***/ {}",
                           "SELECT 1 /*/ {} */",
                           "SELECT 1 -- {}",
                           "SELECT 1 --\r{}",
                           "SELECT 1\xE2\x80\x83{}"}) {
    const bool is_text = connection.Prepare(fmt::format(fmt::runtime(form), "(((")).ok();
    EXPECT_EQ(NestingRefusal(fmt::format(fmt::runtime(form), "((("), 2).empty(), is_text) << form;
  }
}

// The time grows with the length of the text, not with the depth.
TEST(SqlNesting, IsLinear) {
  constexpr size_t kCount = 1'000'000;
  // Measures CPU time, which excludes other processes.
  const std::clock_t begin = std::clock();
  for (const char* part : {"/*", "(", "+", "$a$", "'", "E'a'\n", "e\\'", "\"", "$", "/**/ ", "--\n",
                           "\xC2\xA0", "/* */", "*/", "$a "}) {
    (void)CheckNesting("SELECT " + Times(kCount, part), kCount);
  }
  EXPECT_LT(std::clock() - begin, 20 * CLOCKS_PER_SEC);
}

}  // namespace
}  // namespace tarn::engine
