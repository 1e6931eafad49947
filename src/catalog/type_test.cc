#include "catalog/type.h"

#include <gtest/gtest.h>

namespace tarn::catalog {
namespace {

bool Widens(const std::string& before, const std::string& after) {
  return IsWidening(ParseType(before), ParseType(after));
}

// The common type in both orders, or "none".
std::string Common(const std::string& a, const std::string& b) {
  const auto first = CommonType(ParseType(a), ParseType(b));
  const auto second = CommonType(ParseType(b), ParseType(a));
  EXPECT_EQ(first.has_value(), second.has_value()) << a << " and " << b;
  if (!first || !second) return "none";
  // The order of fields differs.
  const bool has_fields = a.find("STRUCT") != std::string::npos;
  EXPECT_TRUE(has_fields || *first == *second) << a << " and " << b;
  EXPECT_TRUE(IsWidening(ParseType(a), *first)) << a << " and " << b;
  EXPECT_TRUE(IsWidening(ParseType(b), *first)) << a << " and " << b;
  return TypeText(*first);
}

TEST(TypeText, RoundTripsTypes) {
  for (const std::string text :
       {"BIGINT", "DECIMAL(18,2)", "VARCHAR[][]", "INTEGER[3]", "STRUCT(a INTEGER, \"B c\" DATE[])",
        "MAP(VARCHAR, STRUCT(x DOUBLE))", "TIMESTAMP WITH TIME ZONE", "\"NULL\"[]",
        "STRUCT(\"a\"\"(,\" INTEGER, Mixed VARCHAR)", "GEOMETRY('OGC:CRS84')"}) {
    EXPECT_EQ(TypeText(ParseType(text)), text);
  }
  EXPECT_EQ(TypeText(ParseType("struct( a int , b numeric(4) )")),
            "STRUCT(a INTEGER, b DECIMAL(4,0))");
}

TEST(IsWidening, IgnoresSpellingAndAliases) {
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
    EXPECT_TRUE(Widens(before, after)) << before << " to " << after;
    EXPECT_TRUE(Widens(after, before)) << after << " to " << before;
  }
}

TEST(IsWidening, AllowsTypesThatHoldAllValues) {
  for (const auto& [before, after] : std::vector<std::pair<const char*, const char*>>{
           {"TINYINT", "SMALLINT"},
           {"INTEGER", "BIGINT"},
           {"INT4", "HUGEINT"},
           {"UTINYINT", "UHUGEINT"},
           {"UINTEGER", "BIGINT"},
           {"FLOAT", "DOUBLE"},
           {"DATE", "TIMESTAMP"},
           {"TIMESTAMP_S", "TIMESTAMP_MS"},
           {"TIMESTAMP_MS", "TIMESTAMP"},
           {"\"NULL\"", "STRUCT(a DATE)"},
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
    EXPECT_TRUE(Widens(before, after)) << before << " to " << after;
    EXPECT_FALSE(Widens(after, before)) << after << " to " << before;
  }
  EXPECT_TRUE(Widens("STRUCT(a INTEGER, b DATE)", "STRUCT(b DATE, c DATE)"));
}

TEST(IsWidening, RejectsTypesThatLoseValues) {
  for (const auto& [before, after] : std::vector<std::pair<const char*, const char*>>{
           {"INTEGER", "VARCHAR"},
           {"BIGINT", "DOUBLE"},
           {"INTEGER", "DECIMAL(18,0)"},
           {"TIMESTAMP", "TIMESTAMP_NS"},
           {"TIMESTAMP_NS", "TIMESTAMP"},
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
    EXPECT_FALSE(Widens(before, after)) << before << " to " << after;
  }
}

TEST(IsWidening, ComparesTextsThatAreNotTypes) {
  for (const std::string odd :
       {"", "(", ")", "]", "[", "STRUCT(", "STRUCT()", "STRUCT(a)", "\"", "'", "DECIMAL(x)",
        "DECIMAL()", "DECIMAL(1,2,3)", "MAP()", "MAP(A)", "DECIMAL(99999999999999999999)",
        "STRUCT(a INT)MAP(b)", "STRUCT(a (INT)"}) {
    EXPECT_TRUE(Widens(odd, odd)) << odd;
    EXPECT_FALSE(Widens(odd, "DATE")) << odd;
    EXPECT_FALSE(Widens("DATE", odd)) << odd;
  }
  std::string deep = "INTEGER";
  for (int i = 0; i < 5000; ++i) deep += "[]";
  EXPECT_FALSE(Widens(deep, "BIGINT" + deep.substr(7)));
}

TEST(CommonType, WidensWhereNoValueChanges) {
  EXPECT_EQ(Common("INTEGER", "BIGINT"), "BIGINT");
  EXPECT_EQ(Common("UINTEGER", "INTEGER"), "BIGINT");
  EXPECT_EQ(Common("UTINYINT", "INTEGER"), "INTEGER");
  EXPECT_EQ(Common("UBIGINT", "TINYINT"), "HUGEINT");
  EXPECT_EQ(Common("FLOAT", "DOUBLE"), "DOUBLE");
  EXPECT_EQ(Common("DECIMAL(5,0)", "DECIMAL(4,2)"), "DECIMAL(7,2)");
  EXPECT_EQ(Common("DECIMAL(38,0)", "DECIMAL(5,0)"), "DECIMAL(38,0)");
  EXPECT_EQ(Common("DATE", "TIMESTAMP"), "TIMESTAMP");
  EXPECT_EQ(Common("DATE", "TIMESTAMP_S"), "TIMESTAMP_S");
  EXPECT_EQ(Common("TIMESTAMP_MS", "TIMESTAMP"), "TIMESTAMP");
  EXPECT_EQ(Common("\"NULL\"", "DATE[]"), "DATE[]");
  EXPECT_EQ(Common("\"NULL\"[]", "STRUCT(a DATE)[]"), "STRUCT(a DATE)[]");
  EXPECT_EQ(Common("MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, BIGINT)"), "MAP(VARCHAR, BIGINT)");
}

TEST(CommonType, UnitesStructsByFieldName) {
  EXPECT_EQ(Common("STRUCT(a INTEGER, b DATE)", "STRUCT(c VARCHAR, A BIGINT)"),
            "STRUCT(a BIGINT, b DATE, c VARCHAR)");
  EXPECT_EQ(Common("STRUCT(\"A\" INTEGER)", "STRUCT(a INTEGER)"), "STRUCT(\"A\" INTEGER)");
  EXPECT_EQ(Common("STRUCT(s STRUCT(x FLOAT))[]", "STRUCT(s STRUCT(y DATE, x DOUBLE))[]"),
            "STRUCT(s STRUCT(x DOUBLE, y DATE))[]");
}

TEST(CommonType, ReturnsNothingForIncompatibleTypes) {
  for (const auto& [a, b] : std::vector<std::pair<const char*, const char*>>{
           {"INTEGER", "DOUBLE"},
           {"INTEGER", "VARCHAR"},
           {"BOOLEAN", "INTEGER"},
           {"INTEGER", "DECIMAL(18,2)"},
           {"DOUBLE", "DECIMAL(18,2)"},
           {"DECIMAL(38,0)", "DECIMAL(38,1)"},
           {"UHUGEINT", "TINYINT"},
           {"DATE", "TIMESTAMP WITH TIME ZONE"},
           {"TIMESTAMP", "TIMESTAMP_NS"},
           {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"},
           {"BLOB", "VARCHAR"},
           {"INTEGER", "INTEGER[]"},
           {"STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)"},
           {"STRUCT(a INTEGER)[]", "STRUCT(a VARCHAR)[]"}}) {
    EXPECT_EQ(Common(a, b), "none") << a << " and " << b;
  }
}

TEST(CommonType, ReportsTheConflictingField) {
  TypeConflict conflict;
  EXPECT_FALSE(CommonType(ParseType("STRUCT(x INTEGER, s STRUCT(\"B\" INTEGER)[])"),
                          ParseType("STRUCT(s STRUCT(b VARCHAR)[])"), &conflict));
  EXPECT_EQ(conflict.path, ".s.\"B\"");
  EXPECT_EQ(TypeText(conflict.first), "INTEGER");
  EXPECT_EQ(TypeText(conflict.second), "VARCHAR");
}

}  // namespace
}  // namespace tarn::catalog
