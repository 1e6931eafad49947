#include "engine/gate/gate.h"

#include <gtest/gtest.h>

#include "engine/gate/test_gate.h"

namespace tarn::engine {
namespace {

TEST_F(GateTest, AcceptsStatementsThatRead) {
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
        "/* a /* b */ c */ EXPLAIN /* /**/ */ SELECT 1",
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

TEST_F(GateTest, FindsDatasetsAndOtherNames) {
  const auto datasets = [this](const std::string& sql) { return gate.Check(sql)->datasets; };
  using Names = std::vector<std::string>;
  EXPECT_EQ(datasets("SELECT 1"), Names());
  EXPECT_EQ(datasets("WITH t AS (FROM trips) FROM t, nowhere"), Names({"trips"}));
  EXPECT_EQ(gate.Check("WITH t AS (FROM trips) FROM t, nowhere")->others, Names({"nowhere"}));
  EXPECT_EQ(datasets("SELECT (SELECT count(*) FROM Trips)"), Names({"Trips"}));
  EXPECT_EQ(datasets("SUMMARIZE trips"), Names({"trips"}));
  EXPECT_EQ(datasets("EXPLAIN FROM trips"), Names({"trips"}));
  EXPECT_FALSE(gate.Check("FROM trips")->reads_catalog);
  for (const char* sql : {"SHOW TABLES", "FROM information_schema.columns", "FROM duckdb_views()",
                          "FROM pg_catalog.pg_tables"}) {
    EXPECT_TRUE(gate.Check(sql)->reads_catalog) << sql;
  }
}

TEST_F(GateTest, AcceptsParameters) {
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
  EXPECT_EQ(Refusal("FROM query($1)"),
            "not allowed: query() with an argument that is not a string literal");
  EXPECT_NE(Refusal("FROM $1"), "");
  EXPECT_NE(Refusal("COPY trips TO $1"), "");
  // DuckDB does not accept both kinds in one statement.
  EXPECT_NE(Refusal("FROM trips WHERE id = $id AND id > ?").find("Mixing named and positional"),
            std::string::npos);
}

// Run unchanged with a string as the parameter, each of these raises an internal error, after which
// the database refuses all statements. See duck::Statement::Bind.
TEST_F(GateTest, WrapsStatementsWithParametersAndWithoutDatasets) {
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
  EXPECT_EQ(Refusal("SELECT $1; -- the end"), "nothing may follow a statement with parameters");
  EXPECT_EQ(gate.Check("SELECT '$1'")->sql, "SELECT '$1'");
}

TEST_F(GateTest, RefusesStatementsThatWrite) {
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
      {"/* a /* b */ SELECT 1 */ DROP VIEW trips", "DROP"},
      {"EXPLAIN /* /* */ SELECT 1 */ DROP VIEW trips", "EXPLAIN of DROP"},
      {"EXPLAIN ANALYZE /**/ DROP VIEW trips", "EXPLAIN of DROP"},
  };
  for (const auto& [sql, kind] : cases) {
    EXPECT_EQ(Refusal(sql), std::string("not allowed: ") + kind) << sql;
  }
}

TEST_F(GateTest, RefusesReadsOutsideOfTheCatalogue) {
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
                          "FROM query_table('tripz')",
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

TEST_F(GateTest, RefusesSeveralStatements) {
  EXPECT_EQ(Refusal("SELECT 1; SELECT 2"), "exactly one statement is allowed, but this text has 2");
  EXPECT_EQ(Refusal("SELECT 1; DROP VIEW trips").substr(0, 13), "not allowed: ");
  EXPECT_EQ(Refusal("EXPLAIN SELECT 1; SELECT 2"),
            "exactly one statement is allowed, but this text has 2");
  EXPECT_NE(Refusal("-- nothing"), "");
}

TEST_F(GateTest, ReturnsSyntaxErrorsOfDuckDb) {
  EXPECT_NE(Refusal("SELEC 1").find("syntax error at or near \"SELEC\""), std::string::npos);
}

TEST_F(GateTest, RefusesNulAndInvalidUtf8) {
  EXPECT_EQ(Refusal(std::string("SELECT 1\0; DROP VIEW trips", 26)),
            "the statement has a NUL character");
  EXPECT_EQ(Refusal("SELECT '\xFF'"), "the statement is not UTF-8");
}

TEST_F(GateTest, RefusesUnknownFunctions) {
  const std::pair<const char*, const char*> cases[] = {
      {"SELECT getvariable('x')", "function getvariable"},
      {"SELECT main.getvariable('x')", "function getvariable"},
      {"SELECT \"GetVariable\"('x')", "function getvariable"},
      {"SELECT ('x').getvariable()", "function getvariable"},
      {"SELECT getenv('HOME')", "function getenv"},
      {"SELECT txid_current()", "function txid_current"},
      {"SELECT sum(txid_current()) OVER ()", "function txid_current"},
      {"SELECT sum(id) FILTER (WHERE nextval('x') > 0) FROM trips", "function nextval"},
      {"SELECT uper('x')", "this function (did you mean upper?)"},
      {"SELECT surely_no_function_has_such_a_name(1)", "this function"},
      {"SELECT surely_no_function_has_such_a_name(id) OVER () FROM trips", "this function"},
      {"SELECT read_text('/etc/passwd')", "table function read_text where a value is expected"},
      {"SELECT (sum(id) EXPORT_STATE) FROM trips", "EXPORT_STATE"},
      {"SELECT finalize(id) FROM trips", "function finalize"},
  };
  for (const auto& [sql, kind] : cases) {
    EXPECT_EQ(Refusal(sql), std::string("not allowed: ") + kind) << sql;
  }
  EXPECT_EQ(Refusal("SELECT " + std::string(60'000, 'x') + "(1)"), "not allowed: this function");
}

// DuckDB's parser turns these forms into functions with names of its own.
TEST_F(GateTest, AcceptsEachFormOfExpression) {
  for (const char* sql :
       {"SELECT 1 + 2 - 3 * 4 / 5 // 6 % 7 ** 2, -id, +id, ~id, @id, id!, 5 & 3 | 1 << 2 >> 1 "
        "FROM trips",
        "SELECT 'a' || 'b', 'a' LIKE 'b', 'a' NOT LIKE 'b' ESCAPE 'c', 'a' ILIKE 'b' ESCAPE 'c', "
        "'a' NOT ILIKE 'b', 'a' SIMILAR TO 'b', 'a' ~ 'b', 'a' !~ 'b', 'a' GLOB 'b', 'a' ^@ 'b', "
        "'a' ~~ 'b', 'a' !~~ 'b', 'a' ~~* 'b', 'a' !~~* 'b', 'a' ~~~ 'b'",
        "SELECT [1, 2][1], [1, 2][1:2], [1] && [2], [1] @> [1], [1] <@ [1], {'a': 1}.a, "
        "{'a': 1}['a'], map {1: 2}[1], [x + 1 for x in [1, 2] if x > 1], (1, 2), row(1, 2), "
        "[1, 2]::INT[2] <-> [3, 4]::INT[2], [1, 2]::INT[2] <=> [3, 4]::INT[2]",
        "SELECT if(true, 1, 2), ifnull(1, 2), nullif(1, 2), coalesce(1, 2), try(1), "
        "CASE id WHEN 1 THEN 2 END, id IS DISTINCT FROM 2, id BETWEEN 1 AND 2, id IN (1, 2), "
        "id = ANY ([1]), id <= ALL (SELECT 1), EXISTS (FROM trips), TRY_CAST(id AS INT) FROM trips",
        "SELECT trim(BOTH 'a' FROM 'b'), substring('abc' FROM 1 FOR 2), position('a' IN 'b'), "
        "extract(YEAR FROM now()), date '2020-01-01' + INTERVAL 1 DAY, "
        "now() AT TIME ZONE 'UTC', current_date, current_time, current_timestamp, localtime, "
        "localtimestamp, current_user, session_user, user, current_role, current_catalog, "
        "current_schema, 'a' COLLATE NOCASE, 'a' COLLATE de",
        "SELECT '{\"a\": 1}'::JSON -> 'a', '{\"a\": 1}'::JSON ->> '$.a', "
        "list_transform([1], x -> x + 1), list_transform([1], lambda x: x + 1), "
        "list_reduce([1, 2], lambda a, b: a + b), list_aggregate([1], 'sum'), [1].list_sum()",
        "SELECT rank() OVER w, row_number() OVER w, ntile(2) OVER w, lag(id, 1, 0) OVER w, "
        "first_value(id IGNORE NULLS) OVER w, count(*) OVER w, sum(id) FILTER (id > 0) OVER w "
        "FROM trips WINDOW w AS (ORDER BY id)",
        "SELECT count(*), count(DISTINCT id), array_agg(id ORDER BY id DESC), "
        "quantile_cont(id, 0.5), mode() WITHIN GROUP (ORDER BY id), listagg(id, ','), "
        "histogram(id), grouping(id) FROM trips GROUP BY GROUPING SETS ((id), ())",
        "SELECT COLUMNS(*), COLUMNS('i.*') + 1, COLUMNS(c -> c LIKE 'i%'), "
        "* EXCLUDE (id), * REPLACE (id + 1 AS id), * RENAME (id AS x), unnest([1]), #1 FROM trips",
        "SELECT unnest({'a': 1}, recursive := true), generate_subscripts([1], 1), error(NULL)"}) {
    EXPECT_EQ(Refusal(sql), "") << sql;
  }
}

TEST_F(GateTest, ChecksTheSqlInQuery) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(gate.Check("FROM query('FROM Trips')")->datasets, Names({"Trips"}));
  EXPECT_EQ(gate.Check("FROM query('FROM query(''FROM trips'')')")->datasets, Names({"trips"}));
  EXPECT_EQ(gate.Check("EXPLAIN FROM query('FROM trips')")->datasets, Names({"trips"}));
  EXPECT_TRUE(gate.Check("FROM query('SHOW TABLES')")->reads_catalog);
  const std::pair<const char*, const char*> cases[] = {
      {"FROM query('COPY trips TO ''x''')", "query() of COPY"},
      {"FROM query('FROM duckdb_secrets()')", "table function duckdb_secrets"},
      {"FROM query('FROM query(''FROM duckdb_secrets'')')", "table function duckdb_secrets"},
      {"FROM system.main.\"QUERY\"('FROM duckdb_secrets')", "table function duckdb_secrets"},
      {"FROM query('SELECT getvariable(''x'')')", "function getvariable"},
      {"FROM query('PRAGMA version')", "query() of PRAGMA"},
      {"FROM query('EXPLAIN SELECT 1')", "query() of EXPLAIN"},
      {"FROM query('FROM ' || 'trips')", "query() with an argument that is not a string literal"},
      {"FROM query(upper('from trips'))", "query() with an argument that is not a string literal"},
      {"FROM query((SELECT 'from trips'))",
       "query() with an argument that is not a string literal"},
      {"FROM query(NULL)", "query() with an argument that is not a string literal"},
      {"FROM query(x := 'from trips', y := 1)",
       "query() with an argument that is not a string literal"},
      {"FROM query", "table function query"},
      {"FROM query('SELECT $1')", "parameters in the text of query()"},
      {"FROM trips, query('SELECT ?') WHERE id = ?", "parameters in the text of query()"},
      // In DuckDB, an outer CTE is visible in query(). The gate does not rely on this.
      {"WITH duckdb_secrets AS (SELECT 1) FROM query('FROM duckdb_secrets')",
       "table function duckdb_secrets"},
      {"SELECT * FROM histogram(trips, id)", "table function histogram"},
  };
  for (const auto& [sql, kind] : cases) {
    EXPECT_EQ(Refusal(sql), std::string("not allowed: ") + kind) << sql;
  }
  EXPECT_EQ(Refusal("FROM query('SELECT 1; SELECT 2')"),
            "exactly one statement is allowed, but this text has 2");
  EXPECT_NE(Refusal("FROM query('SELEC 1')").find("syntax error"), std::string::npos);
  std::string nested = "SELECT 1";
  for (int level = 0; level < 9; ++level) {
    EXPECT_EQ(Refusal(nested), "") << level;
    nested = "FROM query('" + ReplaceAll(nested, "'", "''") + "')";
  }
  EXPECT_EQ(Refusal(nested), "not allowed: query() nested more than 8 levels deep");
}

TEST_F(GateTest, AcceptsQueryTableForDatasets) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(gate.Check("FROM query_table('Trips')")->datasets, Names({"Trips"}));
  EXPECT_EQ(gate.Check("FROM query_table(['trips', 'trips'], true)")->datasets,
            Names({"trips", "trips"}));
  for (const char* sql :
       {"FROM query_table('nothing')", "FROM query_table('duckdb_secrets')",
        "FROM query_table('it''s.parquet')", "FROM query_table('main.trips')",
        "FROM query_table('\"trips\"')", "FROM query_table(['trips', 's3://b/x.parquet'])",
        "FROM query_table('tr' || 'ips')", "FROM query_table([upper('trips')])",
        "FROM query_table($1)", "FROM query_table((SELECT 'trips'))", "FROM query_table(NULL)",
        "FROM query_table(['trips', NULL])", "FROM query_table()",
        "FROM query_table('trips', true, 1)", "FROM query_table(list_concat(['trips'], ['x']))"}) {
    EXPECT_EQ(
        Refusal(sql),
        "not allowed: query_table() with an argument that is not the literal name of a dataset")
        << sql;
  }
  EXPECT_EQ(Refusal("FROM query_table('trips', (SELECT getvariable('x')))"),
            "not allowed: function getvariable");
}

TEST_F(GateTest, AcceptsDirectReadsIfTheSettingAllows) {
  Gate open(connection, {.is_dataset = IsDataset, .allow_direct_reads = true});
  for (const char* sql :
       {"FROM read_parquet('s3://b/x')", "FROM parquet_scan(['s3://b/x', 's3://b/y'])",
        "FROM read_csv('s3://b/x', header = true)", "FROM read_json_auto('s3://b/x')",
        "FROM glob('s3://b/*')", "FROM read_text('s3://b/x')", "FROM parquet_metadata('s3://b/x')",
        "FROM sniff_csv('s3://b/x')", "FROM 's3://b/x.parquet'", "FROM 's3://b/x.CSV.gz'",
        "DESCRIBE 's3://b/x.parquet'", "SUMMARIZE FROM 's3://b/x.ndjson'",
        "EXPLAIN FROM 's3://b/x.json'", "FROM query('FROM ''s3://b/x.parquet''')"}) {
    const Result<Verdict> verdict = open.Check(sql);
    ASSERT_TRUE(verdict.ok()) << sql << ": " << verdict.error().message;
    EXPECT_TRUE(verdict->reads_files) << sql;
    EXPECT_EQ(Refusal(sql).substr(0, 13), "not allowed: ") << sql;
  }
  EXPECT_FALSE(open.Check("FROM trips")->reads_files);
  for (const char* sql :
       {"FROM 's3://b/x.db'", "FROM 's3://b/x.duckdb'", "FROM 's3://b/x'", "FROM \"s3://b/x\".csv",
        "FROM main.\"x.parquet\"", "FROM read_duckdb('s3://b/x.db')", "FROM duckdb_secrets()",
        "FROM read_csv('s3://b/x', store_rejects = true)",
        "FROM read_csv('s3://b/x', rejects_table := 't')",
        "FROM read_csv('s3://b/x', \"Rejects_Scan\" => 't')", "FROM which_secret('s3://b', 's3')",
        "COPY (FROM 's3://b/x.csv') TO 's3://b/y.csv'", "FROM query_table('s3://b/x.parquet')"}) {
    const Result<Verdict> verdict = open.Check(sql);
    ASSERT_FALSE(verdict.ok()) << sql;
    EXPECT_EQ(verdict.error().message.substr(0, 13), "not allowed: ") << sql;
  }
}

std::string Nested(size_t levels, const std::string& open, const std::string& middle,
                   const std::string& close) {
  std::string out;
  for (size_t i = 0; i < levels; ++i) out += open;
  out += middle;
  for (size_t i = 0; i < levels; ++i) out += close;
  return out;
}

// Without a limit, DuckDB takes from seconds to years for each of these.
TEST_F(GateTest, RefusesDeepNestingBeforeDuckDbParsesIt) {
  for (const std::string& deep :
       {"SELECT 1 " + Nested(16'000, "/*", "", "*/"), "SELECT " + Nested(900, "[", "1", "]"),
        "SELECT 1 " + Nested(60'000, "+", "1", ""), "SELECT " + Nested(60, "(SELECT ", "1", ")"),
        "SELECT 1 WHERE " + Nested(60, "EXISTS (SELECT 1 WHERE ", "true", ")")}) {
    for (const std::string& sql : {deep, "EXPLAIN " + deep, "FROM query('" + deep + "')"}) {
      EXPECT_EQ(Refusal(sql).substr(0, 12), "not allowed:") << sql.substr(0, 60);
    }
  }
  EXPECT_EQ(Refusal("SELECT " + Nested(90, "(", "1", ")")), "");
  EXPECT_EQ(Refusal("SELECT " + Nested(8, "(SELECT ", "1", ")")), "");
  EXPECT_EQ(Refusal("SELECT " + Nested(9, "(SELECT ", "1", ")")),
            "not allowed: subqueries in expressions nested more than 8 levels deep "
            "(queryd.subquery_depth_max)");
  EXPECT_EQ(Refusal("FROM " + Nested(40, "(FROM ", "trips", ")")), "");
  EXPECT_EQ(Refusal("SELECT (SELECT 1), (SELECT (SELECT 2)), " + Nested(8, "(SELECT ", "1", ")")),
            "");
}

TEST_F(GateTest, CountsSubqueriesThroughQuery) {
  const std::string inner = "SELECT " + Nested(5, "(SELECT ", "1", ")");
  EXPECT_EQ(Refusal("FROM query('" + inner + "')"), "");
  EXPECT_EQ(Refusal("SELECT (SELECT (SELECT a FROM query('" + inner + "') t(a)))"), "");
  EXPECT_NE(Refusal("SELECT " +
                    Nested(4, "(SELECT ", "(SELECT a FROM query('" + inner + "') t(a))", ")")),
            "");
}

// DuckDB's JSON for these constants is not valid.
TEST_F(GateTest, AcceptsInfiniteConstants) {
  for (const char* sql :
       {"SELECT 1e999", "SELECT -1e999", "SELECT [1e999, -1e999], 'Infinity', 'a\"Infinity'",
        "SELECT \"Infinity\" FROM (SELECT 1e999 AS \"Infinity\")"}) {
    EXPECT_EQ(Refusal(sql), "") << sql;
  }
  EXPECT_EQ(Refusal("SELECT 1e999, getenv('HOME')"), "not allowed: function getenv");
}

TEST_F(GateTest, ChecksAggregatesThatAStringNames) {
  EXPECT_EQ(Refusal("SELECT list_aggregate([1], 'sum'), array_aggr([1], 'quantile_cont', 0.5)"),
            "");
  for (const char* function :
       {"list_aggregate", "list_aggr", "array_aggregate", "array_aggr", "aggregate"}) {
    const std::string call = "SELECT " + std::string(function);
    EXPECT_NE(Refusal(call + "([1], 'Reservoir_Quantile', 0.5, 2000000000)"), "") << function;
    EXPECT_NE(Refusal(call + "([1], 'reservoir' || '_quantile', 0.5)"), "") << function;
    EXPECT_NE(Refusal(call + "([1], 'getenv')"), "") << function;
  }
}

class DirectReadsTest : public GateTest {
 protected:
  Gate direct{connection, {.is_dataset = IsDataset, .allow_direct_reads = true}};

  std::string RefusalOf(const std::string& sql) {
    const Result<Verdict> verdict = direct.Check(sql);
    return verdict.ok() ? "" : verdict.error().message;
  }
};

TEST_F(DirectReadsTest, RefusesPathsThatVaryOrHaveDotSegments) {
  for (const char* sql :
       {"FROM read_parquet('s3://lake/x.parquet')", "FROM 's3://lake/a..b/x.parquet'",
        "FROM read_csv(['s3://lake/a.csv', 's3://lake/b.csv'], header = true)",
        "FROM glob('s3://lake/*.parquet')", "FROM read_parquet('s3://lake/.hidden/x.parquet')"}) {
    EXPECT_EQ(RefusalOf(sql), "") << sql;
  }
  for (const char* path : {"s3://lake/../other/x.parquet", "s3://lake/./x.parquet", "../x.parquet",
                           "s3://lake/a/../../other/x.parquet", "s3://lake/%2e%2e/other/x.parquet",
                           "s3://lake/.%2E/other/x.parquet", "s3://lake\\..\\other\\x.parquet"}) {
    const std::string quoted = "'" + std::string(path) + "'";
    for (const std::string& sql :
         {"FROM read_parquet(" + quoted + ")", "FROM read_text(['s3://lake/a'," + quoted + "])",
          "FROM glob(" + quoted + ")", "FROM parquet_metadata(" + quoted + ")", "FROM " + quoted,
          "DESCRIBE " + quoted, "FROM query($q$FROM " + quoted + "$q$)"}) {
      EXPECT_NE(RefusalOf(sql), "") << sql;
    }
  }
  for (const char* argument :
       {"'s3://la' || 'ke/x'", "?", "$path", "(SELECT 's3://lake/x')", "p", "'x'::VARCHAR",
        "['s3://lake/x', 's3://lake/' || 'y']", "list_value(p)", "['x'] || ['y']",
        "getvariable('x')", "sep := ',', 's3://lake/../x'", "sep => ',', 's3://lake/../x'",
        "header = true, 's3://lake/../x'"}) {
    const std::string sql = "FROM read_parquet(" + std::string(argument) + ")";
    EXPECT_NE(RefusalOf(sql), "") << sql;
  }
}

}  // namespace
}  // namespace tarn::engine
