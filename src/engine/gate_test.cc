#include "engine/gate.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "engine/sql_functions.h"

namespace tarn::engine {
namespace {

class GateTest : public testing::Test {
 protected:
  duck::Connection connection = *duck::Database::Open({})->Connect();
  Gate gate{connection, [](std::string_view name) {
              // A dataset that took the name of a function which shows secrets.
              return EqualsIgnoreCase(name, "trips") || name == "it's.parquet" ||
                     name == "duckdb_secrets";
            }};

  void SetUp() override {
    ASSERT_TRUE(connection.Execute("CREATE VIEW trips AS SELECT 1 AS id").ok());
    ASSERT_TRUE(connection.Execute("CREATE VIEW \"it's.parquet\" AS SELECT 1 AS id").ok());
  }

  // Empty when the text may run.
  std::string Refusal(const std::string& sql) {
    const Result<Verdict> verdict = gate.Check(sql);
    return verdict.ok() ? "" : verdict.error().message;
  }
};

TEST_F(GateTest, LetsReadersPass) {
  for (const char* sql :
       {"SELECT 1",
        "select 1;",
        "VALUES (1), (2)",
        "FROM trips",
        "FROM TRIPS",
        "TABLE trips",
        "SELECT * FROM main.trips",
        "FROM \"it's.parquet\"",
        "WITH t AS (SELECT * FROM trips) SELECT * FROM t JOIN trips USING (id)",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) FROM r",
        "SELECT * FROM range(3) UNION ALL SELECT * FROM generate_series(1, 2)",
        "SELECT unnest([1, 2])",
        "SHOW TABLES",
        "SHOW ALL TABLES",
        "DESCRIBE trips",
        "DESCRIBE SELECT * FROM trips",
        "SUMMARIZE trips",
        "SHOW trips",
        "SELECT * FROM information_schema.columns",
        "FROM system.information_schema.tables",
        "FROM pg_catalog.pg_tables",
        "FROM duckdb_views()",
        "FROM duckdb_tables",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE FROM trips",
        "EXPLAIN (FORMAT json) SELECT 1",
        "/* c */ explain -- x\n (analyze, format json) select 1",
        "EXPLAIN (SELECT 1)",
        "PIVOT trips ON id IN (1, 2) USING count(*)",
        "SELECT 'COPY x TO y; DROP VIEW trips'",
        "-- COPY\nSELECT 1",
        "SELECT count(*) OVER () FROM trips",
        "FROM test_all_types()",
        "SELECT current_schema()"}) {
    EXPECT_EQ(Refusal(sql), "") << sql;
    const Result<Verdict> text = gate.Check(sql);
    if (!text.ok()) continue;
    const auto statement = connection.Prepare(text->sql);
    EXPECT_TRUE(statement.ok()) << sql << ": " << statement.error().message;
  }
}

TEST_F(GateTest, TellsWhatIsRead) {
  const auto datasets = [this](const std::string& sql) { return gate.Check(sql)->datasets; };
  using Names = std::vector<std::string>;
  EXPECT_EQ(datasets("SELECT 1"), Names());
  EXPECT_EQ(datasets("SELECT (SELECT count(*) FROM Trips)"), Names({"Trips"}));
  EXPECT_EQ(datasets("SUMMARIZE trips"), Names({"trips"}));
  EXPECT_EQ(datasets("EXPLAIN FROM trips"), Names({"trips"}));
  EXPECT_FALSE(gate.Check("FROM trips")->reads_catalog);
  for (const char* sql : {"SHOW TABLES", "FROM information_schema.columns", "FROM duckdb_views()",
                          "FROM pg_catalog.pg_tables"}) {
    EXPECT_TRUE(gate.Check(sql)->reads_catalog) << sql;
  }
}

TEST_F(GateTest, LetsParametersPass) {
  for (const char* sql : {"FROM trips WHERE id = $id", "FROM trips WHERE id IN (?, ?) LIMIT ?",
                          "SELECT $1 FROM trips", "FROM trips WHERE $a IS NULL OR id = $A",
                          "WITH a AS (SELECT 1) FROM a, trips WHERE id = ?",
                          "SELECT (SELECT max(id) FROM main.trips) + $1"}) {
    const Result<Verdict> text = gate.Check(sql);
    ASSERT_TRUE(text.ok()) << sql << ": " << text.error().message;
    EXPECT_EQ(text->sql, sql);
    EXPECT_TRUE(connection.Prepare(text->sql).ok()) << sql;
  }
  EXPECT_EQ(gate.Check("explain  select id from trips where id = ?")->sql,
            "EXPLAIN select id from trips where id = ?");
  EXPECT_EQ(Refusal("SELECT * FROM read_parquet($1)"), "not allowed: table function read_parquet");
  EXPECT_EQ(Refusal("FROM query($1)"), "not allowed: table function query");
  EXPECT_NE(Refusal("FROM $1"), "");
  EXPECT_NE(Refusal("COPY trips TO $1"), "");
  // DuckDB takes one kind or the other.
  EXPECT_NE(Refusal("FROM trips WHERE id = $id AND id > ?").find("Mixing named and positional"),
            std::string::npos);
}

// See duck::Statement::Bind: each of these, with a text, would end the database as it is.
TEST_F(GateTest, ParametersWithoutADatasetArePlannedWithTheirValues) {
  for (const char* sql : {"SELECT typeof($1), $1::VARCHAR", "SELECT $1 AS a, a::VARCHAR; ",
                          "SELECT typeof(?), $1::VARCHAR -- the end",
                          "WITH trips AS (SELECT 1) SELECT typeof($1), $1::VARCHAR FROM trips",
                          "WITH unused AS (FROM trips) SELECT typeof($1), $1::VARCHAR",
                          "SELECT typeof($1), $1::VARCHAR FROM information_schema.tables LIMIT 1",
                          "SELECT typeof($1), $1::VARCHAR FROM (DESCRIBE trips) LIMIT 1",
                          "SELECT typeof($x), upper($X) ORDER BY 1", "VALUES ($1, $1::VARCHAR)",
                          "EXPLAIN ANALYZE SELECT typeof($1), $1::VARCHAR"}) {
    const Result<Verdict> text = gate.Check(sql);
    ASSERT_TRUE(text.ok()) << sql << ": " << text.error().message;
    Result<duck::Statement> statement = connection.Prepare(text->sql);
    ASSERT_TRUE(statement.ok()) << text->sql;
    for (const char* value : {"x", "y"}) {
      ASSERT_TRUE(statement->BindText(1, value).ok());
      Result<duck::ResultStream> rows = statement->Execute();
      ASSERT_TRUE(rows.ok()) << sql << ": " << rows.error().message;
      const Result<std::optional<duck::Chunk>> chunk = rows->Next();
      ASSERT_TRUE(chunk.ok() && chunk->has_value()) << sql;
    }
  }
  EXPECT_EQ(Refusal("SELECT $1; -- the end"),
            "a statement with parameters must end where its text ends");
  EXPECT_EQ(gate.Check("SELECT '$1'")->sql, "SELECT '$1'");
}

TEST_F(GateTest, RefusesWhatActs) {
  const std::pair<const char*, const char*> cases[] = {
      {"COPY (SELECT 1) TO 's3://b/x'", "COPY"},
      {"create table t(a int)", "CREATE"},
      {"CREATE SECRET s (TYPE s3)", "CREATE"},
      {"DROP VIEW trips", "DROP"},
      {"/* x */ -- y\n DROP VIEW trips", "DROP"},
      {"INSERT INTO trips VALUES (1)", "INSERT"},
      {"UPDATE trips SET id = 2", "UPDATE"},
      {"DELETE FROM trips", "DELETE"},
      {"SET memory_limit = '1GB'", "SET"},
      {"RESET memory_limit", "RESET"},
      {"PRAGMA version", "PRAGMA"},
      {"PRAGMA show_tables", "PRAGMA"},
      {"CALL range(3)", "CALL"},
      {"ATTACH 'x.db'", "ATTACH"},
      {"INSTALL httpfs", "INSTALL"},
      {"LOAD httpfs", "LOAD"},
      {"CHECKPOINT", "CHECKPOINT"},
      {"BEGIN", "BEGIN"},
      {"EXPORT DATABASE 'd'", "EXPORT"},
      {"IMPORT DATABASE 'd'", "IMPORT"},
      {"USE main", "USE"},
      {"PREPARE p AS SELECT 1", "PREPARE"},
      {"EXECUTE p", "EXECUTE"},
      {"VACUUM", "VACUUM"},
      {"EXPLAIN COPY (SELECT 1) TO 'x'", "EXPLAIN of COPY"},
      {"EXPLAIN ANALYZE COPY (SELECT 1) TO 'x'", "EXPLAIN of COPY"},
      {"EXPLAIN PRAGMA version", "EXPLAIN of PRAGMA"},
      {"EXPLAIN ANALYZE /**/ DROP VIEW trips", "EXPLAIN of DROP"},
  };
  for (const auto& [sql, kind] : cases) {
    EXPECT_EQ(Refusal(sql), std::string("not allowed: ") + kind) << sql;
  }
}

TEST_F(GateTest, RefusesWhatReadsElsewhere) {
  for (const char* sql : {"FROM duckdb_secrets()",
                          "FROM duckdb_secrets",
                          "FROM DuckDB_Secrets",
                          "FROM main.duckdb_secrets()",
                          "FROM system.main.duckdb_secrets()",
                          "SELECT * FROM (SELECT * FROM duckdb_secrets()) t",
                          "WITH s AS (FROM duckdb_secrets()) SELECT 1 FROM s",
                          "SELECT (SELECT count(*) FROM duckdb_secrets())",
                          "SELECT * FROM trips, LATERAL (SELECT * FROM duckdb_secrets())",
                          "DESCRIBE FROM duckdb_secrets()",
                          "SUMMARIZE duckdb_secrets",
                          "SHOW duckdb_secrets",
                          "EXPLAIN ANALYZE FROM duckdb_secrets()",
                          "FROM which_secret('s3://b', 's3')",
                          "FROM duckdb_logs",
                          "FROM duckdb_settings()",
                          "FROM pg_catalog.pg_settings",
                          "FROM pg_settings",
                          "FROM \"s3://b/x\".csv",
                          "FROM \"/etc/x\".information_schema.csv",
                          "FROM \"s3://b\".main.trips",
                          "FROM information_schema.\"x.csv\"",
                          "FROM information_schema.duckdb_secrets",
                          "DESCRIBE \"s3://b/x\".csv",
                          "SUMMARIZE \"s3://b/x\".csv",
                          "FROM pg_catalog.\"x.csv\"",
                          "FROM histogram_values('s3://b/x.csv', id)",
                          "FROM histogram(trips, id)",
                          "SELECT json_serialize_plan('FROM read_parquet(''s3://b/x'')')",
                          "SELECT list_transform(['x'], lambda q: json_serialize_plan(q))",
                          "SELECT json_deserialize_sql('{}')",
                          "SELECT sleep_ms(1000)",
                          "SELECT pg_sleep(1)",
                          "FROM read_parquet('s3://b/x')",
                          "FROM read_text('/etc/passwd')",
                          "FROM read_csv('/etc/passwd')",
                          "FROM 's3://b/x.parquet'",
                          "FROM '/etc/passwd'",
                          "FROM \"x.csv\"",
                          "DESCRIBE 's3://b/x.parquet'",
                          "SUMMARIZE 's3://b/x.parquet'",
                          "WITH \"x.csv\" AS (FROM \"x.csv\") FROM \"x.csv\"",
                          "FROM glob('s3://b/*')",
                          "FROM query('FROM duckdb_secrets()')",
                          "FROM query_table('trips')",
                          "FROM json_execute_serialized_sql('{}')",
                          "FROM checkpoint()",
                          "FROM force_checkpoint",
                          "FROM enable_logging()",
                          "FROM arrow_scan(1, 2, 3)",
                          "SELECT write_log('x')",
                          "SELECT current_setting('s3_access_key_id')",
                          "SELECT getvariable('x')",
                          "SELECT nextval('s')",
                          "FROM sniff_csv('x')",
                          "FROM parquet_metadata('x')",
                          "SELECT * FROM range(3) WHERE EXISTS (FROM duckdb_secrets())",
                          "SELECT * FROM trips ORDER BY (SELECT max(name) FROM duckdb_secrets())",
                          "SELECT 1 UNION ALL SELECT count(*) FROM duckdb_secrets()",
                          "VALUES ((SELECT count(*) FROM duckdb_secrets()))",
                          "PIVOT (FROM duckdb_secrets()) ON type IN ('s3') USING count(*)"}) {
    EXPECT_EQ(Refusal(sql).substr(0, 13), "not allowed: ") << sql;
  }
}

TEST_F(GateTest, OneStatement) {
  EXPECT_EQ(Refusal("SELECT 1; SELECT 2"), "exactly one statement is allowed, this text has 2");
  EXPECT_EQ(Refusal("SELECT 1; DROP VIEW trips").substr(0, 13), "not allowed: ");
  EXPECT_EQ(Refusal("EXPLAIN SELECT 1; SELECT 2"),
            "exactly one statement is allowed, this text has 2");
  EXPECT_NE(Refusal("-- nothing"), "");
}

TEST_F(GateTest, ASyntaxErrorIsDuckDBsOwnMessage) {
  EXPECT_NE(Refusal("SELEC 1").find("syntax error at or near \"SELEC\""), std::string::npos);
}

TEST_F(GateTest, RefusesBytesThatDuckDBWouldReadOtherwise) {
  EXPECT_EQ(Refusal(std::string("SELECT 1\0; DROP VIEW trips", 26)),
            "the statement holds a NUL character");
  EXPECT_EQ(Refusal("SELECT '\xFF'"), "the statement is not UTF-8");
}

// Any table function that a new DuckDB brings is refused until it is judged: this fails when
// there is one that neither list has.
TEST_F(GateTest, EveryTableFunctionOfThisDuckDBIsJudged) {
  duck::Statement statement = *connection.Prepare(
      "SELECT function_name FROM duckdb_functions() WHERE function_type IN ('table', "
      "'table_macro') UNION SELECT view_name FROM duckdb_views() WHERE internal AND schema_name "
      "<> 'information_schema'");
  duck::ResultStream rows = *statement.Execute();
  size_t count = 0;
  for (auto chunk = *rows.Next(); chunk;) {
    for (uint64_t row = 0; row < chunk->row_count(); ++row, ++count) {
      const auto name = chunk->columns()[0].Data<duck::StringRef>()[row].view();
      EXPECT_TRUE(IsKnownTableFunction(name)) << name << " is on no list";
    }
    auto next = *rows.Next();
    if (!next) break;
    chunk.emplace(std::move(*next));
  }
  EXPECT_GT(count, 90U);
}

}  // namespace
}  // namespace tarn::engine
