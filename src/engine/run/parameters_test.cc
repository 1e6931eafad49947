#include "engine/run/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/gate/gate.h"

namespace tarn::engine {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ParametersTest : public testing::Test {
 protected:
  duck::Connection connection = *duck::Database::Open({})->Connect();

  static std::string Run(duck::Statement& statement) {
    Result<duck::ResultStream> rows = statement.Execute();
    if (!rows.ok()) return "error: " + rows.error().message;
    std::string out;
    for (;;) {
      const Result<std::optional<duck::Chunk>> chunk = rows->Next();
      if (!chunk.ok()) return "error: " + chunk.error().message;
      if (!*chunk) return out;
      for (uint64_t row = 0; row < (*chunk)->row_count(); ++row) {
        const duck::VectorView& column = (*chunk)->columns()[0];
        if (!out.empty()) out += "; ";
        out += column.IsNull(row) ? "NULL" : column.Data<duck::StringRef>()[row].view();
      }
    }
  }
  // Runs a statement to its end. Returns the error message, or "".
  std::string Drain(const std::string& sql, const std::string& params) {
    Result<duck::Statement> statement = connection.Prepare(sql);
    if (!statement.ok()) return statement.error().message;
    const Result<> bound = BindParameters(*statement, params);
    if (!bound.ok()) return bound.error().message;
    Result<duck::ResultStream> rows = statement->Execute();
    while (rows.ok()) {
      const Result<std::optional<duck::Chunk>> chunk = rows->Next();
      if (!chunk.ok()) return chunk.error().message;
      if (!*chunk) return "";
    }
    return rows.error().message;
  }
  // Returns the values of the first column, which is a VARCHAR: "a; b".
  std::string Run(const std::string& sql, const std::string& params) {
    Result<duck::Statement> statement = connection.Prepare(sql);
    if (!statement.ok()) return "error: " + statement.error().message;
    const Result<> bound = BindParameters(*statement, params);
    if (!bound.ok()) {
      EXPECT_EQ(bound.error().kind, ErrorKind::kInvalidArgument);
      return bound.error().message;
    }
    return Run(*statement);
  }
  // Returns the type and the value of a parameter: "INTEGER 1".
  std::string Shown(const std::string& json) {
    return Run("SELECT concat(typeof($1), ' ', $1::VARCHAR) WHERE now() IS NOT NULL",
               "[" + json + "]");
  }
  std::string ShownLiteral(const std::string& sql) {
    return Run("SELECT concat(typeof(" + sql + "), ' ', (" + sql + ")::VARCHAR)", "");
  }
};

TEST_F(ParametersTest, GivesNumbersTheTypesOfLiterals) {
  for (const char* number : {"0",
                             "42",
                             "-42",
                             "2147483647",
                             "2147483648",
                             "-2147483649",
                             "9223372036854775807",
                             "9223372036854775808",
                             "18446744073709551616",
                             "170141183460469231731687303715884105727",
                             "170141183460469231731687303715884105728",
                             "340282366920938463463374607431768211455",
                             "340282366920938463463374607431768211456",
                             "-170141183460469231731687303715884105728",
                             "1.5",
                             "-1.50",
                             "0.5",
                             "0.05",
                             "123.456",
                             "1e3",
                             "1.5E-3",
                             "1234567890123456789012345678901234567.5",
                             "12345678901234567890123456789012345678.5",
                             "0.1234567890123456789012345678901234567",
                             "0.00000000000000000000000000000000000000001"}) {
    EXPECT_EQ(Shown(number), ShownLiteral(number));
  }
  EXPECT_EQ(Shown("-2147483648"), "INTEGER -2147483648");
  EXPECT_EQ(Shown("-9223372036854775808"), "BIGINT -9223372036854775808");
  EXPECT_EQ(Shown("0." + std::string(38, '9')), "DECIMAL(38,38) ." + std::string(38, '9'));
  EXPECT_EQ(Shown("-0"), "INTEGER 0");
  EXPECT_THAT(Shown("1e999"), StartsWith("params: "));
}

TEST_F(ParametersTest, BindsOtherJsonValues) {
  EXPECT_EQ(Shown("null"), "\"NULL\" ");
  EXPECT_EQ(Shown("true"), "BOOLEAN true");
  EXPECT_EQ(Shown("\"\""), "VARCHAR ");
  EXPECT_EQ(Shown(R"("'; DROP VIEW t; -- \" $1 ?")"), "VARCHAR '; DROP VIEW t; -- \" $1 ?");
  EXPECT_EQ(Shown("[]"), "\"NULL\"[] []");
  EXPECT_EQ(Shown("[1,null,3000000000]"), "BIGINT[] [1, NULL, 3000000000]");
  EXPECT_EQ(Shown("[1,-2.25,0.5]"), "DECIMAL(3,2)[] [1.00, -2.25, 0.50]");
  EXPECT_EQ(Shown("[12345678901234567890123, 0.5]"),
            "DECIMAL(24,1)[] [12345678901234567890123.0, 0.5]");
  EXPECT_EQ(Shown("[1,1e2]"), "DOUBLE[] [1.0, 100.0]");
  EXPECT_EQ(Shown("[0.5,170141183460469231731687303715884105727]"),
            "DOUBLE[] [0.5, 1.7014118346046923e+38]");
  EXPECT_EQ(Shown("[170141183460469231731687303715884105728,1]"),
            "UHUGEINT[] [170141183460469231731687303715884105728, 1]");
  EXPECT_EQ(Shown(R"(["a",null,"it's"])"), R"(VARCHAR[] [a, NULL, 'it\'s'])");
  EXPECT_EQ(Shown("[[1],[],null,[2.5,null]]"), "DECIMAL(2,1)[][] [[1.0], [], NULL, [2.5, NULL]]");
  EXPECT_EQ(Shown(R"({"a":1,"b c":{"d":[true]}})"),
            R"(STRUCT(a INTEGER, "b c" STRUCT(d BOOLEAN[])) {'a': 1, 'b c': {'d': [true]}})");
  EXPECT_EQ(Shown(R"([{"a":1},{"b":"x","a":null},{"a":1.5}])"),
            "STRUCT(a DECIMAL(2,1), b VARCHAR)[] "
            "[{'a': 1.0, 'b': NULL}, {'a': NULL, 'b': x}, {'a': 1.5, 'b': NULL}]");
}

TEST_F(ParametersTest, RefusesValuesWithoutACommonType) {
  EXPECT_EQ(Shown(R"([1,"a"])"),
            "params: $1: a list has a number and a text: its elements must have one type");
  EXPECT_THAT(Shown("[true,1]"), HasSubstr("a boolean and a number"));
  EXPECT_THAT(Shown("[[1],1]"), HasSubstr("a list and a number"));
  EXPECT_THAT(Shown("[[[1],[\"a\"]]]"), HasSubstr("a number and a text"));
  EXPECT_THAT(Shown(R"([{"a":1},{"a":[]}])"), HasSubstr("a number and a list"));
  EXPECT_EQ(Shown("{}"), "params: $1: an empty object has no type in SQL: use null");
  EXPECT_THAT(Shown(R"({"a":1,"A":2})"), HasSubstr("names \"a\" twice"));
  EXPECT_THAT(Shown(R"([{"a":1},{"A":2}])"), HasSubstr("\"a\" and \"A\""));
  EXPECT_THAT(Shown(R"({"":1})"), HasSubstr("is empty or has a NUL"));
  EXPECT_THAT(Shown(R"({"a\u0000b":1})"), HasSubstr("is empty or has a NUL"));
  EXPECT_THAT(Shown(std::string(63, '[') + std::string(63, ']')), HasSubstr(" [[["));
  EXPECT_THAT(Shown(std::string(64, '[') + std::string(64, ']')), HasSubstr("more than 64 deep"));
}

TEST_F(ParametersTest, AcceptsNulInText) {
  EXPECT_EQ(Run("SELECT concat(length($t), ' ', $t = 'a' || chr(0)) WHERE now() IS NOT NULL",
                R"({"t":"a\u0000"})"),
            "2 true");
}

// As with literals, a text takes the type of the column in a comparison.
TEST_F(ParametersTest, CastsTextToTheTypeOfTheColumn) {
  ASSERT_TRUE(connection.Execute("CREATE TYPE mood AS ENUM ('sad', 'ok')").ok());
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"DATE", "'2026-01-02'", R"("2026-01-02")"},
      {"TIMESTAMP", "'2026-01-02 03:04:05'", R"("2026-01-02T03:04:05")"},
      {"TIMESTAMPTZ", "'2026-01-02 03:04:05+00'", R"("2026-01-02T04:04:05+01:00")"},
      {"TIMESTAMP_NS", "'2026-01-02 03:04:05.123456789'", R"("2026-01-02 03:04:05.123456789")"},
      {"TIME", "'03:04:05'", R"("03:04:05")"},
      {"INTERVAL", "'1 day'", R"("24 hours")"},
      {"DECIMAL(38,10)", "1234567890123456789.0123456789", R"("1234567890123456789.0123456789")"},
      {"DECIMAL(38,10)", "1234567890123456789.0123456789", "1234567890123456789.0123456789"},
      {"DECIMAL(4,1)", "1.5", "1.50"},
      {"BIGINT", "9223372036854775807", R"("9223372036854775807")"},
      {"BIGINT", "9223372036854775807", "9223372036854775807"},
      {"TINYINT", "7", "7"},
      {"TINYINT", "7", "7.0"},
      {"UBIGINT", "18446744073709551615", "18446744073709551615"},
      {"HUGEINT", "-170141183460469231731687303715884105728",
       "-170141183460469231731687303715884105728"},
      {"UHUGEINT", "340282366920938463463374607431768211455",
       "340282366920938463463374607431768211455"},
      {"DOUBLE", "0.1", "0.1"},
      {"DOUBLE", "1000", "1e3"},
      {"FLOAT", "0.5", "0.5"},
      {"BOOLEAN", "true", "true"},
      {"BOOLEAN", "true", R"("true")"},
      {"VARCHAR", "'it''s'", R"("it's")"},
      {"UUID", "'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'",
       R"("AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee")"},
      {"mood", "'ok'", R"("ok")"},
      {"BLOB", "'\\x00ab'::BLOB", R"("\\x00ab")"},
      {"INTEGER[]", "[1, 2]", "[1,2]"},
      {"BIGINT[]", "[1, 2]", R"(["1","2"])"},
      {"STRUCT(a INTEGER, b VARCHAR)", "{'a': 1, 'b': 'x'}", R"({"a":1,"b":"x"})"},
      {"JSON", "'\"x\"'", R"("\"x\"")"},
  };
  for (const auto& [type, literal, json] : cases) {
    ASSERT_TRUE(connection
                    .Execute(std::string("CREATE OR REPLACE TABLE t AS SELECT 'found' AS r, (") +
                             literal + ")::" + type + " AS c")
                    .ok())
        << literal;
    const std::string one = std::string("{\"p\":") + json + "}";
    for (const char* where : {"c = $p", "$p = c", "c IN ($p)", "c IN ($p, NULL)",
                              "c BETWEEN $p AND $p", "c IS NOT DISTINCT FROM $p",
                              "$p IS NULL OR c = $p", "coalesce(c = $p, false)", "NOT c <> $p"}) {
      // DuckDB does not support BETWEEN for LIST and STRUCT.
      if (std::string_view(where).starts_with("c BETWEEN") && (*json == '[' || *json == '{'))
        continue;
      EXPECT_EQ(Run(std::string("SELECT r FROM t WHERE ") + where, one), "found")
          << type << " " << where << " " << json;
    }
    EXPECT_EQ(Run("SELECT r FROM t WHERE c = $p", R"({"p":null})"), "") << type;
  }
}

TEST_F(ParametersTest, BindsOutsideOfConditions) {
  EXPECT_EQ(Run("SELECT range::VARCHAR FROM range($1) LIMIT $2 OFFSET $3", "[5,2,1]"), "1; 2");
  EXPECT_EQ(Run("SELECT range::VARCHAR FROM range(?) ORDER BY range DESC LIMIT ?", "[3,\"1\"]"),
            "2");
  EXPECT_EQ(Run("SELECT upper($t)", R"({"t":"é"})"), "É");
  EXPECT_EQ(Run("SELECT strftime(DATE '2026-01-02', $1)", R"(["%Y"])"), "2026");
  EXPECT_EQ(
      Run("SELECT x FROM (VALUES ('a'), ('b'), ('c')) v(x) WHERE x IN (?, ?)", R"(["a","c"])"),
      "a; c");
  EXPECT_EQ(Run("SELECT x FROM (VALUES ('a'), ('b')) v(x) WHERE x = ANY ($l)", R"({"l":["b"]})"),
            "b");
  EXPECT_EQ(Run("SELECT x FROM (VALUES ('a'), ('b')) v(x) WHERE list_contains(?, x)", R"([["a"]])"),
            "a");
  EXPECT_EQ(Run("SELECT x FROM (VALUES ('a'), ('b')) v(x) WHERE x IN $1", "[[]]"), "");
  EXPECT_EQ(Run("SELECT x FROM (VALUES ('ab'), ('b')) v(x) WHERE x LIKE $1", R"(["a%"])"), "ab");
  EXPECT_EQ(Run("SELECT ($s).a", R"({"s":{"a":"x"}})"), "x");
  EXPECT_EQ(Run("SELECT (DATE '2026-01-01' + $1)::VARCHAR", "[1]"), "2026-01-02");
  EXPECT_THAT(Run("SELECT (1 = $1)::VARCHAR", R"(["x"])"), HasSubstr("Conversion Error"));
  EXPECT_THAT(Run("SELECT '1' LIMIT $1", R"(["x"])"), HasSubstr("error: "));
  EXPECT_THAT(Run("SELECT '1' LIMIT $1", "[-1]"), HasSubstr("error: "));
}

TEST_F(ParametersTest, NamesMissingAndSurplusParameters) {
  EXPECT_EQ(Run("SELECT ?::VARCHAR || ?", "[1,2,3]"), "params: 3 given, the statement takes 2");
  EXPECT_EQ(Run("SELECT ?::VARCHAR || ?", ""), "params: 0 given, the statement takes 2");
  EXPECT_EQ(Run("SELECT ?::VARCHAR || ?", "null"), "params: 0 given, the statement takes 2");
  EXPECT_EQ(Run("SELECT 'x'", "[1]"), "params: 1 given, the statement takes 0");
  EXPECT_EQ(Run("SELECT $id", "{}"), "params: $id is missing");
  EXPECT_EQ(Run("SELECT $id", ""), "params: $id is missing");
  EXPECT_EQ(Run("SELECT $a || $b || $c", R"({"b":"x"})"), "params: $a, $c are missing");
  EXPECT_EQ(Run("SELECT $id", R"({"id":1,"x":2})"), "params: $x is not in the statement");
  EXPECT_EQ(Run("SELECT 'x'", R"({"x":2})"), "params: $x is not in the statement");
  EXPECT_EQ(Run("SELECT $id", R"({"id":1,"ID":2})"), "params: $ID is given twice");
  EXPECT_EQ(Run("SELECT $id", "[1]"),
            "params: the statement takes named parameters: send an object");
  EXPECT_EQ(Run("SELECT ?", R"({"id":1})"),
            "params: the statement takes parameters by position: send a list");
  EXPECT_EQ(Run("SELECT $1 || $3", R"(["a","b","c"])"),
            "params: $2 is missing in the statement, which uses higher numbers");
  EXPECT_EQ(Run("SELECT $2", R"(["a","b"])"),
            "params: $1 is missing in the statement, which uses higher numbers");
  EXPECT_EQ(Run("SELECT ?", "3"),
            "params: must be a list, or an object with the parameters' names");
  EXPECT_THAT(Run("SELECT ?", "[1"), StartsWith("params: parse error at line 1, column 3"));
  EXPECT_THAT(Run("SELECT $a", R"({"a":1,"a":2})"), StartsWith("params: duplicate name \"a\""));
  EXPECT_EQ(Run("SELECT 'x'", ""), "x");
  EXPECT_EQ(Run("SELECT 'x'", "[]"), "x");
  EXPECT_EQ(Run("SELECT 'x'", "{}"), "x");
  EXPECT_EQ(Run("SELECT $Id::VARCHAR", R"({"ID":"x"})"), "x");
}

TEST_F(ParametersTest, RemovesEarlierValues) {
  duck::Statement statement = *connection.Prepare("SELECT concat(typeof($a), ' ', $b)");
  const auto run = [&](const std::string& params) {
    const Result<> bound = BindParameters(statement, params);
    return bound.ok() ? Run(statement) : bound.error().message;
  };
  EXPECT_EQ(run(R"({"a":1,"b":"x"})"), "INTEGER x");
  EXPECT_EQ(run(R"({"a":null,"b":null})"), "\"NULL\" ");
  EXPECT_EQ(run(R"({"a":"1","b":2.5})"), "VARCHAR 2.5");
  EXPECT_EQ(run(R"({"a":[1],"b":true})"), "INTEGER[] true");
  EXPECT_EQ(run(R"({"b":"x"})"), "params: $a is missing");
  EXPECT_THAT(Run(statement), StartsWith("error: ")) << "and keeps nothing of the run before";
  EXPECT_EQ(run(R"({"a":1,"b":"x"})"), "INTEGER x");
}

// The next query runs, also after a query that fails.
TEST_F(ParametersTest, NoValueEndsTheDatabase) {
  Gate gate(connection, {.is_dataset = [](std::string_view) { return false; }});
  for (const char* sql :
       {"SELECT $1",
        "SELECT $1, $1::VARCHAR",
        "SELECT $1 AS a, a::INTEGER, a || 'x'",
        "SELECT typeof($1), $1 = NULL",
        "SELECT $1 = $1",
        "SELECT [$1, $1::DATE]",
        "SELECT {'a': $1, 'b': $1::VARCHAR}",
        "SELECT coalesce($1, 1), $1::INTEGER",
        "SELECT * FROM (SELECT $1 AS a) WHERE a::VARCHAR = 'x'",
        "WITH a AS (SELECT $1 AS x) SELECT a.x, y.x::VARCHAR FROM a, a y",
        "WITH RECURSIVE r(n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) FROM r LIMIT "
        "9",
        "SELECT 1 LIMIT $1",
        "FROM range($1) LIMIT 9",
        "SELECT unnest($1)",
        "SELECT list_transform([1, 2], lambda x: x + $1), $1",
        "VALUES ($1), ($1)",
        "SELECT CASE WHEN $1 THEN $1 ELSE 1 END",
        "SELECT $1 COLLATE NOCASE = 'A', $1",
        "SELECT $1 IN ($1, 1), $1 BETWEEN $1 AND 2",
        "SELECT ($1).a, $1",
        "SELECT $1[1], $1",
        "SELECT i + $1, $1 FROM (VALUES (1)) t(i) GROUP BY ALL HAVING $1 IS NOT NULL",
        "SELECT sum(i) OVER (ORDER BY i ROWS $1 PRECEDING), $1 FROM (VALUES (1)) t(i)",
        "SELECT quantile_cont(i, $1), $1, max($1) FROM (VALUES (1)) t(i)",
        "SELECT d, $1 FROM (VALUES (DATE '2026-01-01')) t(d) WHERE d >= $1 ORDER BY $1",
        "PIVOT (VALUES ('a')) t(c) ON c IN ('a') USING max($1)",
        "DESCRIBE SELECT $1",
        "EXPLAIN SELECT $1, $1::VARCHAR",
        "SELECT printf($1, 1), $1",
        "SELECT try_cast($1 AS INTEGER), try($1), $1",
        "SELECT 1 UNION SELECT $1"}) {
    for (const char* value :
         {"null", "true", "1", "-3000000000", "1.5", "1e300", "\"\"", "\"a\"", "\"2026-01-01\"",
          "\"\\u0000\"", "[]", "[1,null]", "[\"a\"]", "{\"a\":1}", "[{\"a\":[]}]"}) {
      const Result<Verdict> text = gate.Check(sql);
      ASSERT_TRUE(text.ok()) << sql << ": " << text.error().message;
      const std::string outcome = Drain(text->sql, std::string("[") + value + "]");
      EXPECT_EQ(outcome.find("INTERNAL"), std::string::npos) << sql << " " << value << outcome;
      ASSERT_TRUE(connection.Execute("SELECT 1").ok()) << sql << " with " << value;
    }
  }
}

}  // namespace
}  // namespace tarn::engine
