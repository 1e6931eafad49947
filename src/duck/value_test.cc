#include "duck/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <tuple>

#include "duck/database.h"
#include "duck/quote.h"

namespace tarn::duck {
namespace {

class ValueTest : public testing::Test {
 protected:
  Connection connection = *Database::Open({})->Connect();

  // Returns the single VARCHAR of the result; "NULL", or "error: …".
  static std::string Run(Statement& statement) {
    Result<ResultStream> rows = statement.Execute();
    if (!rows.ok()) return "error: " + rows.error().message;
    Result<std::optional<Chunk>> chunk = rows->Next();
    if (!chunk.ok()) return "error: " + chunk.error().message;
    if (!*chunk) return "no row";
    const VectorView& column = (*chunk)->columns()[0];
    return column.IsNull(0) ? "NULL" : std::string(column.Data<StringRef>()[0].view());
  }
  // The type and the text of a bound value: "INTEGER 1".
  std::string Shown(const Result<Value>& value) {
    if (!value.ok()) return "error: " + value.error().message;
    Statement statement =
        *connection.Prepare("SELECT concat(typeof($1), ' ', $1::VARCHAR) WHERE now() IS NOT NULL");
    const Result<> bound = statement.Bind(1, *value);
    return bound.ok() ? Run(statement) : "error: " + bound.error().message;
  }
};

TEST_F(ValueTest, CreatesValuesOfEachType) {
  EXPECT_EQ(Shown(Value::Null()), "\"NULL\" ");
  EXPECT_EQ(Shown(Value::Boolean(true)), "BOOLEAN true");
  EXPECT_EQ(Shown(Value::Integer(-7)), "INTEGER -7");
  EXPECT_EQ(Shown(Value::Bigint(INT64_MIN)), "BIGINT -9223372036854775808");
  EXPECT_EQ(Shown(Value::Ubigint(UINT64_MAX)), "UBIGINT 18446744073709551615");
  EXPECT_EQ(Shown(Value::Hugeint(Int128{INT64_MIN} * 2 - 1)), "HUGEINT -18446744073709551617");
  EXPECT_EQ(Shown(Value::Hugeint(-1)), "HUGEINT -1");
  EXPECT_EQ(Shown(Value::Uhugeint(~Uint128{0})),
            "UHUGEINT 340282366920938463463374607431768211455");
  EXPECT_EQ(Shown(Value::Double(0.1)), "DOUBLE 0.1");
  EXPECT_EQ(Shown(Value::Varchar("it's; \"x\"")), "VARCHAR it's; \"x\"");
  EXPECT_EQ(Shown(Value::Varchar("")), "VARCHAR ");
}

TEST_F(ValueTest, ChecksTheWidthOfDecimals) {
  EXPECT_EQ(Shown(Value::Decimal(-150, 3, 2)), "DECIMAL(3,2) -1.50");
  Int128 nines = 1;
  for (int i = 0; i < 38; ++i) nines *= 10;
  EXPECT_EQ(Shown(Value::Decimal(nines - 1, 38, 38)), "DECIMAL(38,38) ." + std::string(38, '9'));
  EXPECT_EQ(Shown(Value::Decimal(1 - nines, 38, 0)), "DECIMAL(38,0) -" + std::string(38, '9'));
  for (const auto& [digits, width, scale] : {std::tuple<Int128, uint8_t, uint8_t>{nines, 38, 0},
                                             {-1000, 3, 2},
                                             {1, 39, 0},
                                             {1, 0, 0},
                                             {1, 2, 3}}) {
    EXPECT_FALSE(Value::Decimal(digits, width, scale).ok());
  }
}

TEST_F(ValueTest, RequiresUtf8AndAllowsNul) {
  EXPECT_FALSE(Value::Varchar("\xFF").ok());
  Statement statement =
      *connection.Prepare("SELECT concat(length($1), ' ', $1 = 'a' || chr(0) || 'b')");
  ASSERT_TRUE(statement.Bind(1, *Value::Varchar(std::string_view("a\0b", 3))).ok());
  EXPECT_EQ(Run(statement), "3 true");
}

TEST_F(ValueTest, CreatesListsAndStructs) {
  const ColumnType integer{.id = TypeId::kInteger};
  const ColumnType decimal{.id = TypeId::kDecimal, .width = 5, .scale = 2};
  const ColumnType row{.id = TypeId::kStruct,
                       .children = {integer, {.id = TypeId::kList, .children = {decimal}}},
                       .names = {"a", "it's \"b\""}};
  std::vector<Value> numbers;
  numbers.push_back(Value::Integer(1));
  numbers.push_back(Value::Null());
  numbers.push_back(*Value::Decimal(25, 2, 1));
  EXPECT_EQ(Shown(Value::List(decimal, numbers)), "DECIMAL(5,2)[] [1.00, NULL, 2.50]");
  EXPECT_EQ(Shown(Value::List({.id = TypeId::kNull}, {})), "\"NULL\"[] []");
  EXPECT_EQ(Shown(Value::List(integer, {})), "INTEGER[] []");

  std::vector<Value> fields;
  fields.push_back(Value::Integer(1));
  fields.push_back(*Value::List(decimal, numbers));
  EXPECT_EQ(Shown(Value::Struct(row, fields)),
            "STRUCT(a INTEGER, \"it's \"\"b\"\"\" DECIMAL(5,2)[]) "
            "{'a': 1, 'it\\'s \"b\"': [1.00, NULL, 2.50]}");
  EXPECT_FALSE(Value::Struct(row, numbers).ok()) << "three values for two fields";
  EXPECT_FALSE(Value::Struct({.id = TypeId::kStruct}, {}).ok());

  std::vector<Value> texts;
  texts.push_back(*Value::Varchar("x"));
  EXPECT_FALSE(Value::List(integer, texts).ok()) << "what cannot be cast";
  EXPECT_FALSE(Value::List({.id = TypeId::kUnknown}, texts).ok());
}

TEST_F(ValueTest, RejectsAMovedFromValue) {
  Statement statement = *connection.Prepare("SELECT $1::VARCHAR");
  Value value = Value::Integer(1);
  const Value moved = std::move(value);
  EXPECT_FALSE(statement.Bind(1, value).ok());  // NOLINT: intended use after move.
  EXPECT_TRUE(statement.Bind(1, moved).ok());
}

class BindTest : public ValueTest {};

TEST_F(BindTest, FindsNamesAndPositionsOfParameters) {
  const auto names = [&](const char* sql) {
    const Statement statement = *connection.Prepare(sql);
    std::string out = std::to_string(statement.parameter_count());
    for (uint64_t i = 0; i <= 4; ++i) out += " " + statement.ParameterName(i).value_or("-");
    return out;
  };
  EXPECT_EQ(names("SELECT 1"), "0 - - - - -");
  EXPECT_EQ(names("SELECT ?, ?"), "2 - 1 2 - -");
  EXPECT_EQ(names("SELECT $2, $1, $2"), "2 - 1 2 - -");
  EXPECT_EQ(names("SELECT $b, $a, $b"), "2 - b a - -");
  EXPECT_EQ(names("SELECT $Id, $ID"), "1 - Id - - -");
  EXPECT_EQ(names("SELECT $1, $3"), "2 - 1 - 3 -");
}

TEST_F(BindTest, RunsAgainWithOtherValues) {
  Statement statement =
      *connection.Prepare("SELECT concat(typeof($1), ' ', $1::VARCHAR) WHERE now() IS NOT NULL");
  const auto run = [&](const Value& value) {
    EXPECT_TRUE(statement.Bind(1, value).ok());
    return Run(statement);
  };
  EXPECT_EQ(run(Value::Integer(1)), "INTEGER 1");
  EXPECT_EQ(run(Value::Integer(2)), "INTEGER 2");
  EXPECT_EQ(Run(statement), "INTEGER 2") << "what is bound stays";
  EXPECT_EQ(run(Value::Null()), "\"NULL\" ");
  EXPECT_EQ(run(*Value::Varchar("x")), "VARCHAR x");
  EXPECT_EQ(run(*Value::Decimal(15, 2, 1)), "DECIMAL(2,1) 1.5");
  EXPECT_EQ(run(*Value::List({.id = TypeId::kNull}, {})), "\"NULL\"[] []");
  EXPECT_EQ(run(Value::Boolean(false)), "BOOLEAN false");
  EXPECT_EQ(run(Value::Integer(3)), "INTEGER 3");

  ASSERT_TRUE(statement.ClearBindings().ok());
  EXPECT_THAT(Run(statement), testing::StartsWith("error: "));
  EXPECT_EQ(run(Value::Integer(4)), "INTEGER 4");
}

// The problem documented at Statement::Bind, and the workaround by replanning.
TEST_F(BindTest, ReplansStatementsWithNow) {
  const std::string sql = "SELECT concat(typeof($1), ' ', $1::VARCHAR)";
  Statement safe = *connection.Prepare("SELECT * FROM (" + sql + ") WHERE now() IS NOT NULL");
  for (const char* text : {"x", "y"}) {
    ASSERT_TRUE(safe.Bind(1, *Value::Varchar(text)).ok());
    EXPECT_EQ(Run(safe), std::string("VARCHAR ") + text);
  }
  // If this succeeds, the gate no longer has to wrap statements.
  Statement trap = *connection.Prepare(sql);
  ASSERT_TRUE(trap.Bind(1, *Value::Varchar("x")).ok());
  EXPECT_THAT(Run(trap), testing::HasSubstr("INTERNAL Error"));
  EXPECT_FALSE(connection.Execute("SELECT 1").ok());
}

TEST_F(BindTest, KeepsTheStatementUsableAfterAFailure) {
  Statement statement = *connection.Prepare("SELECT ($1::INTEGER + 1)::VARCHAR");
  ASSERT_TRUE(statement.Bind(1, *Value::Varchar("x")).ok());
  EXPECT_THAT(Run(statement), testing::HasSubstr("Conversion Error"));
  EXPECT_FALSE(statement.Bind(0, Value::Null()).ok());
  EXPECT_FALSE(statement.Bind(2, Value::Null()).ok());
  ASSERT_TRUE(statement.Bind(1, *Value::Varchar("41")).ok());
  EXPECT_EQ(Run(statement), "42");
}

// Views of datasets read Parquet, so a cached statement sees their changes.
TEST_F(BindTest, ReadsTheCurrentParquetView) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("tarn-bind-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const auto put = [&](const std::string& name, const std::string& rows) {
    const std::string path = QuoteLiteral((folder / name).string());
    ASSERT_TRUE(connection.Execute("COPY (" + rows + ") TO " + path + " (FORMAT parquet)").ok());
    ASSERT_TRUE(
        connection.Execute("CREATE OR REPLACE VIEW v AS FROM read_parquet(" + path + ")").ok());
  };
  put("a.parquet", "SELECT 1 AS id, 'a' AS t");
  Statement statement = *connection.Prepare("SELECT max(t)::VARCHAR FROM v WHERE id = $1");
  ASSERT_TRUE(statement.Bind(1, Value::Integer(1)).ok());
  EXPECT_EQ(Run(statement), "a");
  put("b.parquet", "SELECT 1 AS id, 'b' AS t");
  EXPECT_EQ(Run(statement), "b");
  put("c.parquet", "SELECT 2::HUGEINT AS id, true AS t");
  EXPECT_EQ(Run(statement), "NULL");
  ASSERT_TRUE(statement.Bind(1, Value::Integer(2)).ok());
  EXPECT_EQ(Run(statement), "true") << "of other types as well";
  ASSERT_TRUE(connection.Execute("DROP VIEW v").ok());
  EXPECT_THAT(Run(statement), testing::HasSubstr("Catalog Error"));
  put("d.parquet", "SELECT 2 AS id, 'd' AS t");
  EXPECT_EQ(Run(statement), "d");
  std::filesystem::remove_all(folder);
}

// DuckDB replans if a function requires it, as read_parquet does, or if a table in the plan has
// changed. A changed view has no such effect, so a cache of statements must drop them when a view
// changes.
TEST_F(BindTest, MissesChangesOfOtherViews) {
  ASSERT_TRUE(connection.Execute("CREATE VIEW v AS SELECT 'old' AS t").ok());
  Statement reads = *connection.Prepare("SELECT t FROM v");
  Statement describes = *connection.Prepare("SELECT column_name FROM (DESCRIBE v)");
  EXPECT_EQ(Run(reads), "old");
  EXPECT_EQ(Run(describes), "t");
  ASSERT_TRUE(connection.Execute("CREATE OR REPLACE VIEW v AS SELECT 'new' AS other").ok());
  EXPECT_EQ(Run(reads), "old");
  EXPECT_EQ(Run(describes), "t");
}

}  // namespace
}  // namespace tarn::duck
