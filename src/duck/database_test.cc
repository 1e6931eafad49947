#include "duck/database.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/redact.h"
#include "duck/quote.h"

namespace tarn::duck {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  Database database = *Database::Open({});
  Connection connection = *database.Connect();

  std::string TextOf(const std::string& sql) {
    Statement statement = *connection.Prepare(sql);
    ResultStream rows = *statement.Execute();
    std::optional<Chunk> chunk = *rows.Next();
    return std::string(chunk->columns()[0].Data<StringRef>()[0].view());
  }
};

TEST_F(DatabaseTest, StreamsChunksToTheEnd) {
  Statement statement = *connection.Prepare("SELECT range AS id FROM range(5000)");
  ResultStream rows = *statement.Execute();
  EXPECT_EQ(rows.names(), std::vector<std::string>{"id"});
  EXPECT_EQ(TypeName(rows.types()[0]), "BIGINT");
  int64_t sum = 0;
  uint64_t count = 0;
  for (;;) {
    auto chunk = rows.Next();
    ASSERT_TRUE(chunk.ok()) << chunk.error().message;
    if (!*chunk) break;
    for (uint64_t row = 0; row < (*chunk)->row_count(); ++row) {
      sum += (*chunk)->columns()[0].At<int64_t>(row);
    }
    count += (*chunk)->row_count();
  }
  EXPECT_EQ(count, 5000U);
  EXPECT_EQ(sum, 5000 * 4999 / 2);
}

TEST_F(DatabaseTest, ReportsAnErrorInTheMiddleOfAStream) {
  Statement statement = *connection.Prepare(
      "SELECT CASE WHEN range > 400000 THEN error('late')::BIGINT ELSE range END FROM "
      "range(500000)");
  Result<ResultStream> rows = statement.Execute();
  for (int guard = 0; rows.ok() && guard < 1000; ++guard) {
    auto chunk = rows->Next();
    if (!chunk.ok()) {
      EXPECT_NE(chunk.error().message.find("late"), std::string::npos);
      return;
    }
    ASSERT_TRUE(chunk->has_value()) << "an error looked like the end of the result";
  }
  EXPECT_FALSE(rows.ok());
}

TEST_F(DatabaseTest, ReportsDuckDBsMessageWithoutSecrets) {
  ProcessRedactor().Add("TOPSECRETVALUE");
  const Result<Statement> statement = connection.Prepare("SELECT TOPSECRETVALUE FROM nowhere");
  ASSERT_FALSE(statement.ok());
  EXPECT_EQ(statement.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(statement.error().message.find("TOPSECRETVALUE"), std::string::npos);
  EXPECT_NE(statement.error().message.find("nowhere"), std::string::npos);
}

TEST_F(DatabaseTest, RequiresOneStatementWithoutNul) {
  EXPECT_FALSE(connection.Prepare("SELECT 1; SELECT 2").ok());
  EXPECT_FALSE(connection.Prepare("").ok());
  EXPECT_FALSE(connection.Prepare(std::string("SELECT 1\0; DROP", 15)).ok());
  EXPECT_TRUE(connection.Prepare("SELECT 1;").ok());
}

TEST_F(DatabaseTest, InterruptsARunningQuery) {
  Statement statement =
      *connection.Prepare("SELECT count(*) FROM range(100000) a, range(100000) b, range(1000) c");
  std::atomic<bool> ended = false;
  std::thread other([&] {
    // An interrupt before the start of the query is lost, so it is repeated.
    while (!ended) {
      connection.Interrupt();
      std::this_thread::yield();
    }
  });
  const Result<ResultStream> rows = statement.Execute();
  ended = true;
  other.join();
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().kind, ErrorKind::kCancelled);
}

TEST_F(DatabaseTest, BindsTextAndRejectsInvalidUtf8) {
  Statement statement = *connection.Prepare("SELECT $1::VARCHAR");
  ASSERT_TRUE(statement.BindText(1, "it's; \"x\"").ok());
  ResultStream rows = *statement.Execute();
  EXPECT_EQ((*rows.Next())->columns()[0].Data<StringRef>()[0].view(), "it's; \"x\"");
  EXPECT_FALSE(statement.BindText(1, "\xFF").ok());
}

// typeof() gives DuckDB's name for every type that a query can have.
TEST_F(DatabaseTest, NamesTypesAsDuckDBDoes) {
  for (const char* type :
       {"BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL(4,1)",
        "DECIMAL(18,2)",
        "DECIMAL(38,10)",
        "BIGNUM",
        "VARCHAR",
        "JSON",
        "BLOB",
        "BIT",
        "UUID",
        "DATE",
        "TIME",
        "TIME_NS",
        "TIMETZ",
        "TIMESTAMP",
        "TIMESTAMP_S",
        "TIMESTAMP_MS",
        "TIMESTAMP_NS",
        "TIMESTAMPTZ",
        "INTERVAL",
        "INTEGER[]",
        "INTEGER[3]",
        "VARCHAR[][2][]",
        "JSON[]",
        "MAP(VARCHAR, DECIMAL(3,1)[])",
        "STRUCT(a INTEGER, \"b c\" VARCHAR[])",
        "STRUCT(\"select\" INTEGER, \"1x\" INTEGER, \"a\"\"b\" INTEGER, \"Upper\" INTEGER, "
        "\"interval\" INTEGER, \"\xC3\xA9\" INTEGER, _x1 INTEGER)",
        "UNION(num INTEGER, \"a text\" VARCHAR)",
        "ENUM('a', 'it''s', 'b c')",
        "VARIANT",
        "GEOMETRY",
        "GEOMETRY('OGC:CRS84')",
        "STRUCT(g GEOMETRY('OGC:CRS83')[])",
        R"(GEOMETRY('{"type":"GeographicCRS","name":"it''s mine"}'))"}) {
    const std::string null = "NULL::" + std::string(type);
    Statement statement = *connection.Prepare("SELECT " + null);
    EXPECT_EQ(TypeName(statement.Columns()[0].type), TextOf("SELECT typeof(" + null + ")"));
    const ResultStream rows = *statement.Execute();
    const std::string name = TypeName(rows.types()[0]);
    EXPECT_EQ(name, TextOf("SELECT typeof(" + null + ")")) << type;
  }
  Statement statement = *connection.Prepare("SELECT row(1, 'a'), [], {'a': NULL}, map {}");
  const ResultStream rows = *statement.Execute();
  EXPECT_EQ(TypeName(rows.types()[0]), TextOf("SELECT typeof(row(1, 'a'))"));
}

std::string Joined(const std::vector<Statement::Column>& columns) {
  std::string text;
  for (const Statement::Column& column : columns) {
    if (!text.empty()) text += ", ";
    const bool is_unknown = column.type.id == TypeId::kUnknown;
    text += column.name + " " + (is_unknown ? "?" : TypeName(column.type));
  }
  return text;
}

TEST_F(DatabaseTest, DescribesAStatementWithoutItsValues) {
  const auto describe = [this](const std::string& sql) {
    const Statement statement = *connection.Prepare(sql);
    return Joined(statement.Columns()) + " <- " + Joined(statement.Parameters());
  };
  EXPECT_EQ(describe("SELECT 1 AS a, 'x' AS a"), "a INTEGER, a VARCHAR <- ");
  EXPECT_EQ(describe("SELECT range AS r FROM range(3) WHERE range > $low AND range < $high"),
            "r BIGINT <- low BIGINT, high BIGINT");
  EXPECT_EQ(describe("SELECT $2::DATE AS d, $2::DATE + $1::INTEGER AS e"),
            "d DATE, e DATE <- 1 INTEGER, 2 DATE");
  EXPECT_EQ(describe("SELECT ? AS a, ? AS b"), "unknown ? <- 1 ?, 2 ?");
  EXPECT_EQ(describe("SELECT $3::INTEGER AS c"), "c INTEGER <- 3 INTEGER");
}

TEST_F(DatabaseTest, ReleasesTheMemoryOfAnAbandonedStream) {
  const auto used = [this] {
    Connection other = *database.Connect();
    Statement statement =
        *other.Prepare("SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory()");
    ResultStream rows = *statement.Execute();
    const Chunk chunk = **rows.Next();
    return chunk.columns()[0].Data<int64_t>()[0];
  };
  const int64_t before = used();
  {
    Statement statement = *connection.Prepare("FROM range(2000000) ORDER BY hash(range)");
    ResultStream rows = *statement.Execute();
    ASSERT_TRUE(*rows.Next());
    EXPECT_GT(used(), before + 10'000'000);
  }
  EXPECT_LT(used(), before + 1'000'000);
  // The interrupt that ended it does not affect the next query.
  EXPECT_EQ(TextOf("SELECT 'next'"), "next");
}

TEST(Quote, EscapesQuotes) {
  EXPECT_EQ(QuoteIdentifier("a\"; DROP VIEW \"b"), "\"a\"\"; DROP VIEW \"\"b\"");
  EXPECT_EQ(QuoteLiteral("it's"), "'it''s'");
}

}  // namespace
}  // namespace tarn::duck
