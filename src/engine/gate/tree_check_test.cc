// Compares the names that the gate finds in a syntax tree with those of DuckDB's binder.

#include "engine/gate/tree_check.h"

#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <random>
#include <set>
#include <string>

#include "base/text.h"
#include "engine/gate/test_gate.h"

namespace tarn::engine {
namespace {

class TreeCheckTest : public GateTest {
 protected:
  // Returns the plans of a statement as text, or "" if DuckDB cannot plan it.
  std::string PlanOf(const std::string& sql) {
    std::string plans;
    Result<duck::Statement> statement = connection.Prepare("EXPLAIN " + sql);
    if (!statement.ok()) return plans;
    Result<duck::ResultStream> rows = statement->Execute();
    if (!rows.ok()) return plans;
    for (;;) {
      const auto chunk = *rows->Next();
      if (!chunk) return plans;
      for (uint64_t row = 0; row < chunk->row_count(); ++row) {
        plans += chunk->columns()[1].Data<duck::StringRef>()[row].view();
      }
    }
  }
};

TEST_F(TreeCheckTest, ACteHidesAFunctionOnlyInItsScope) {
  for (const char* sql :
       {"WITH duckdb_logs AS (SELECT 1) FROM duckdb_logs",
        "WITH Duckdb_Logs AS (SELECT 1) SELECT (SELECT count(*) FROM DUCKDB_LOGS)",
        "WITH \"x.csv\" AS (SELECT 1) FROM \"x.csv\"",
        "WITH checkpoint AS (SELECT 1), b AS (FROM checkpoint) FROM b",
        "WITH RECURSIVE duckdb_logs(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM "
        "duckdb_logs WHERE n < 3) FROM duckdb_logs",
        "WITH \"glob\" AS (SELECT 1) SELECT 1 UNION ALL FROM \"glob\""}) {
    EXPECT_EQ(Refusal(sql), "") << sql;
    EXPECT_TRUE(connection.Prepare(sql).ok()) << sql;
  }
  for (const char* sql :
       {"WITH duckdb_logs AS (FROM duckdb_logs) FROM duckdb_logs",
        "WITH RECURSIVE duckdb_logs AS (FROM duckdb_logs) FROM duckdb_logs",
        "WITH RECURSIVE duckdb_logs(n) AS (SELECT 1 FROM duckdb_logs UNION ALL SELECT 1 "
        "FROM duckdb_logs) FROM duckdb_logs",
        "WITH a AS (FROM duckdb_logs), duckdb_logs AS (SELECT 1) FROM a",
        "FROM (WITH duckdb_logs AS (SELECT 1) FROM duckdb_logs), duckdb_logs",
        "(WITH duckdb_logs AS (SELECT 1) FROM duckdb_logs) UNION ALL FROM duckdb_logs",
        "SELECT (WITH duckdb_logs AS (SELECT 1) SELECT 1), (SELECT 1 FROM duckdb_logs)",
        "WITH duckdb_logs AS (SELECT 1) FROM main.duckdb_logs",
        "WITH duckdb_logs AS (SELECT 1) FROM duckdb_logs()",
        "WITH duckdb_logs AS (SELECT 1) DESCRIBE duckdb_logs",
        "WITH \"x.csv\" AS (SELECT 1) SELECT * FROM (FROM main.\"x.csv\")"}) {
    EXPECT_NE(Refusal(sql), "") << sql;
  }
}

// Generates statements with the name duckdb_logs, which is a CTE in some places and DuckDB's
// function in others.
class CteStatements {
 public:
  explicit CteStatements(unsigned seed) : random_(seed) {}

  std::string Query(int depth) {
    std::string with;
    std::set<std::string> named;
    for (int ctes = Roll(3); ctes > 0 && depth > 0; --ctes) {
      const std::string name = Name();
      if (!named.insert(ToLowerAscii(name)).second) continue;
      with += with.empty() ? "WITH " + std::string(Roll(3) == 0 ? "RECURSIVE " : "") : ", ";
      with += name + "(x) AS " + (Roll(4) == 0 ? "MATERIALIZED " : "") + "((" + Query(depth - 1);
      with += Roll(3) == 0 ? ") UNION ALL " + Select(depth - 1) + ") " : ")) ";
    }
    return with + Body(depth);
  }

 private:
  int Roll(int sides) { return static_cast<int>(random_() % static_cast<unsigned>(sides)); }
  std::string Name() { return Roll(2) == 0 ? "a" : Roll(2) == 0 ? "Duckdb_Logs" : "duckdb_logs"; }
  std::string Body(int depth) {
    if (depth > 0 && Roll(4) == 0)
      return Select(depth - 1) + " UNION ALL (" + Query(depth - 1) + ")";
    std::string body = Select(depth);
    if (depth > 0 && Roll(8) == 0)
      body += " ORDER BY (SELECT max(1) FROM (" + Query(depth - 1) + "))";
    if (depth > 0 && Roll(8) == 0)
      body += " LIMIT (SELECT count(*) FROM (" + Query(depth - 1) + "))";
    return body;
  }
  std::string Select(int depth) {
    std::string select = "SELECT 1 AS x FROM " + Table(depth);
    if (depth > 0 && Roll(5) == 0) select += ", LATERAL (" + Query(depth - 1) + ") AS l";
    if (depth > 0 && Roll(5) == 0) select += " WHERE EXISTS (" + Query(depth - 1) + ")";
    if (depth > 0 && Roll(8) == 0) select += " GROUP BY ALL HAVING 1 IN (" + Query(depth - 1) + ")";
    return select;
  }
  std::string Table(int depth) {
    const int form = depth > 0 ? Roll(10) : 0;
    if (form < 5) return Name();
    if (form < 7) return "(" + Query(depth - 1) + ") AS t";
    if (form == 7) return "(SUMMARIZE " + Query(depth - 1) + ") AS s";
    if (form == 8) return "(SELECT 1 FROM " + Name() + " PIVOT (count(*) FOR x IN (1))) AS p";
    return "query('" + ReplaceAll(Query(depth - 1), "'", "''") + "')";
  }

  std::mt19937 random_;
};

// Compares with DuckDB's binder: a statement that the gate accepts must not have DuckDB's own
// duckdb_logs in its unoptimised plan.
TEST_F(TreeCheckTest, AgreesWithTheBinderOnCtes) {
  ASSERT_TRUE(connection.Execute("CREATE VIEW a AS SELECT 1 AS x").ok());
  ASSERT_TRUE(connection.Execute("PRAGMA disable_optimizer").ok());
  CteStatements statements(1);
  std::map<std::string, int> seen;
  for (int i = 0; i < 700; ++i) {
    const std::string sql = statements.Query(i % 4 == 0 ? 3 : 2);
    if (sql.size() > 800) continue;
    const bool passes = Refusal(sql).empty();
    const std::string plan = PlanOf(sql);
    if (plan.empty()) continue;  // DuckDB cannot plan it.
    const bool reads = plan.find("DUCKDB_LOGS") != std::string::npos;
    EXPECT_FALSE(passes && reads) << sql << "\n" << plan;
    ++seen[std::string(passes ? "passes" : "refused") + (reads ? ", reads" : "")];
  }
  EXPECT_GT(seen["passes"], 50);
  EXPECT_GT(seen["refused, reads"], 200);
  std::cout << "refused although DuckDB would not read it: " << seen["refused"] << ", passes "
            << seen["passes"] << ", refused, reads " << seen["refused, reads"] << "\n";
}

}  // namespace
}  // namespace tarn::engine
