#include "catalog/column_types.h"

#include <gtest/gtest.h>

namespace tarn::catalog {
namespace {

TEST(IsWidening, TakesTheSameTypeHoweverItIsWritten) {
  for (const auto& [before, after] : std::vector<std::pair<const char*, const char*>>{
           {"INTEGER", "INTEGER"},
           {"integer", "INTEGER"},
           {"INT", "INTEGER"},
           {"VARCHAR", "text"},
           {"DECIMAL(18,2)", "decimal( 18, 2 )"},
           {"NUMERIC(18,2)", "DECIMAL(18,2)"},
           {"DECIMAL", "DECIMAL(18,3)"},
           {"TIMESTAMP  WITH  TIME ZONE", "TIMESTAMPTZ"},
           {"STRUCT(a INTEGER, b VARCHAR)", "struct( A int,  \"b\" text )"},
           {"ENUM('a', 'b')", "ENUM('a','b')"}}) {
    EXPECT_TRUE(IsWidening(before, after)) << before << " to " << after;
    EXPECT_TRUE(IsWidening(after, before)) << after << " to " << before;
  }
}

TEST(IsWidening, KnowsWhatIsWider) {
  for (const auto& [before, after] : std::vector<std::pair<const char*, const char*>>{
           {"TINYINT", "SMALLINT"},
           {"INTEGER", "BIGINT"},
           {"INT4", "HUGEINT"},
           {"UTINYINT", "UHUGEINT"},
           {"UINTEGER", "BIGINT"},
           {"FLOAT", "DOUBLE"},
           {"DECIMAL(18,2)", "DECIMAL(20,2)"},
           {"DECIMAL(18,2)", "DECIMAL(20,4)"},
           {"DECIMAL(5)", "DECIMAL(7,2)"},
           {"INTEGER[]", "BIGINT[]"},
           {"FLOAT[3]", "DOUBLE[3]"},
           {"INTEGER[][]", "BIGINT[][]"},
           {"STRUCT(a INTEGER)", "STRUCT(a BIGINT)"},
           {"STRUCT(\"a, (\" INTEGER, b DATE)[]", "STRUCT(\"a, (\" BIGINT, b DATE)[]"},
           {"MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, BIGINT)"},
           {"STRUCT(a STRUCT(b FLOAT))", "STRUCT(a STRUCT(b DOUBLE))"}}) {
    EXPECT_TRUE(IsWidening(before, after)) << before << " to " << after;
    EXPECT_FALSE(IsWidening(after, before)) << after << " to " << before;
  }
  EXPECT_TRUE(IsWidening("STRUCT(a INTEGER, b DATE)", "STRUCT(b DATE, c DATE)"));
}

TEST(IsWidening, RefusesOtherTypes) {
  for (const auto& [before, after] : std::vector<std::pair<const char*, const char*>>{
           {"INTEGER", "VARCHAR"},
           {"BIGINT", "DOUBLE"},
           {"INTEGER", "DECIMAL(18,0)"},
           {"DATE", "TIMESTAMP"},
           {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"},
           {"UBIGINT", "BIGINT"},
           {"INTEGER", "UBIGINT"},
           {"DECIMAL(18,2)", "DECIMAL(18,4)"},
           {"INTEGER", "INTEGER[]"},
           {"INTEGER[2]", "INTEGER[3]"},
           {"INTEGER[]", "INTEGER[3]"},
           {"STRUCT(a INTEGER)", "STRUCT(a VARCHAR)"},
           {"STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)"},
           {"MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, DATE)"},
           {"ENUM('a', 'b')", "ENUM('A', 'B')"},
           {"ENUM('a b')", "ENUM('a  b')"}}) {
    EXPECT_FALSE(IsWidening(before, after)) << before << " to " << after;
  }
}

TEST(IsWidening, JudgesWhatIsNoTypeByItsText) {
  for (const std::string odd :
       {"", "(", ")", "]", "[", "STRUCT(", "STRUCT()", "STRUCT(a)", "\"", "'", "DECIMAL(x)",
        "DECIMAL()", "DECIMAL(1,2,3)", "MAP()", "MAP(A)", "DECIMAL(99999999999999999999)"}) {
    EXPECT_TRUE(IsWidening(odd, odd)) << odd;
    EXPECT_FALSE(IsWidening(odd, "DATE")) << odd;
    EXPECT_FALSE(IsWidening("DATE", odd)) << odd;
  }
  std::string deep = "INTEGER";
  for (int i = 0; i < 5000; ++i) deep += "[]";
  EXPECT_FALSE(IsWidening(deep, "BIGINT" + deep.substr(7)));
}

TEST(IncompatibleChanges, NamesColumnsWithBothTypes) {
  const std::vector<Column> before = {{"id", "INTEGER"}, {"Name", "VARCHAR"}, {"gone", "DATE"}};
  const auto changes =
      IncompatibleChanges(before, {{"new", "DATE"}, {"name", "DATE"}, {"ID", "BIGINT"}});
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].column, "name");
  EXPECT_EQ(changes[0].before, "VARCHAR");
  EXPECT_EQ(changes[0].after, "DATE");
  EXPECT_TRUE(IncompatibleChanges(before, before).empty());
}

}  // namespace
}  // namespace tarn::catalog
