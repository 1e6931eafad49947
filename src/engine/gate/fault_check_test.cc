#include "engine/gate/fault_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "duck/database.h"

namespace tarn::engine {
namespace {

using testing::HasSubstr;

class CheckFaultsTest : public testing::Test {
 protected:
  duck::Connection connection = *duck::Database::Open({})->Connect();

  // Returns the error message, or "" if the query is not refused.
  std::string FaultOf(const std::string& sql);
};

std::string CheckFaultsTest::FaultOf(const std::string& sql) {
  auto statement = connection.Prepare("SELECT json_serialize_sql($1::VARCHAR)");
  EXPECT_TRUE(statement->BindText(1, sql).ok());
  auto rows = statement->Execute();
  auto chunk = rows->Next();
  const auto ast = nlohmann::json::parse((*chunk)->columns()[0].Data<duck::StringRef>()[0].view());
  EXPECT_TRUE(ast.contains("statements")) << sql << "\n" << ast;
  const Result<> checked = CheckFaults(ast.at("statements"));
  return checked.ok() ? "" : checked.error().message;
}

TEST_F(CheckFaultsTest, RefusesFaultyFormsAndSuggestsAnother) {
  for (const auto& [sql, advice] : std::vector<std::pair<const char*, const char*>>{
           {"SELECT * FROM t WHERE (a, b) NOT IN (SELECT x, y FROM u)", "NOT EXISTS"},
           {"SELECT * FROM t WHERE (a, b) <> ALL (SELECT x, y FROM u)", "NOT EXISTS"},
           {"SELECT (a, b) IN (SELECT x, y FROM u) FROM t", "NOT EXISTS"},
           {"SELECT * FROM t WHERE c OR (a, b) IN (SELECT x, y FROM u)", "NOT EXISTS"},
           {"SELECT percentile_cont(0.0) WITHIN GROUP (ORDER BY v DESC) FROM t", "max()"},
           {"SELECT quantile_disc(v, 0 ORDER BY v DESC) FROM t", "max()"},
           {"SELECT quantile_cont(v, [0.0] ORDER BY v DESC) OVER () FROM t", "max()"},
           {"SELECT reservoir_quantile(v, 0.5) FROM t", "quantile_cont"},
           {"SELECT sum(v ORDER BY v) OVER (PARTITION BY i) FROM t", "drop ORDER BY"},
           {"SELECT sum(v) OVER (PARTITION BY a, b, a) FROM t", "write it once"},
           {"SELECT first_value(i) OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
            "add ORDER BY"},
           {"SELECT rank(ORDER BY k) OVER (ORDER BY k, id) FROM t", "order the window"},
           {"SELECT sum(v) OVER (ORDER BY i ROWS BETWEEN p PRECEDING AND CURRENT ROW) FROM t",
            "coalesce"},
           {"SELECT sum(v) OVER (ORDER BY i ROWS BETWEEN NULL PRECEDING AND CURRENT ROW) FROM t",
            "coalesce"},
           {"SELECT count(*) OVER (ORDER BY i ROWS BETWEEN 9223372036854775807 FOLLOWING AND "
            "UNBOUNDED FOLLOWING) FROM t",
            "constant"},
           {"SELECT * FROM t WHERE a IS DISTINCT FROM 5 OR a > 100", "coalesce"},
           {"SELECT * FROM t WHERE a IS NOT TRUE OR a IS FALSE", "coalesce"},
           {"SELECT * FROM t WHERE 5 IS DISTINCT FROM t.A OR a > 100", "coalesce"},
           {"SELECT * FROM t WHERE (a IS DISTINCT FROM $1 AND b = 1) OR a > 100", "coalesce"},
           {"SELECT sum(v) OVER (PARTITION BY a, t.A) FROM t", "write it once"},
           {"SELECT * FROM l ANTI JOIN e ON l.v <= e.c", "NOT EXISTS"},
           {"SELECT * FROM l ASOF JOIN r ON l.k IS NOT DISTINCT FROM r.k AND l.t >= r.t",
            "coalesce"},
           {"WITH c AS (SELECT * FROM t WHERE (a, b) NOT IN (SELECT x, y FROM u)) FROM c",
            "NOT EXISTS"}}) {
    const std::string fault = FaultOf(sql);
    EXPECT_THAT(fault, HasSubstr("refused, because DuckDB 1.5.5 answers it wrongly: ")) << sql;
    EXPECT_THAT(fault, HasSubstr(advice)) << sql;
  }
}

TEST_F(CheckFaultsTest, AcceptsFormsWithRightResults) {
  for (const char* sql :
       {"SELECT * FROM t WHERE (a, b) IN (SELECT x, y FROM u) AND a = 1",
        "SELECT * FROM t JOIN u ON t.a = u.a AND (t.a, t.b) IN (SELECT x, y FROM v)",
        "SELECT * FROM t WHERE a NOT IN (SELECT x FROM u)",
        "SELECT * FROM t WHERE (a, b) NOT IN ((1, 2), (3, 4))",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v DESC) FROM t",
        "SELECT percentile_cont(0.0) WITHIN GROUP (ORDER BY v) FROM t",
        "SELECT quantile_cont(v, [0.0, 0.5] ORDER BY v DESC) FROM t",
        "SELECT sum(v) OVER (PARTITION BY i ORDER BY v) FROM t",
        "SELECT list(v ORDER BY v) FROM t GROUP BY i",
        "SELECT first_value(i) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
        "SELECT first_value(i) OVER () FROM t",
        "SELECT rank() OVER (ORDER BY k, id) FROM t",
        "SELECT sum(v) OVER (ORDER BY i ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING) FROM t",
        "SELECT sum(v) OVER (ORDER BY i ROWS BETWEEN coalesce(p, 0) PRECEDING AND CURRENT ROW) "
        "FROM t",
        "SELECT sum(v) OVER (ORDER BY d RANGE BETWEEN INTERVAL 3 DAY PRECEDING AND CURRENT ROW) "
        "FROM t",
        "SELECT * FROM t WHERE a IS DISTINCT FROM 5 OR b > 100",
        "SELECT * FROM t WHERE a IS DISTINCT FROM 5 OR a IS NULL OR a IN (1, 2)",
        "SELECT * FROM t JOIN u ON t.v IS DISTINCT FROM u.v OR t.v IS NULL",
        "SELECT string_agg(s, ',' ORDER BY id) OVER (PARTITION BY a) FROM t",
        "SELECT sum(v) OVER (ORDER BY i ROWS BETWEEN (7 - 1) PRECEDING AND CURRENT ROW) FROM t",
        "SELECT * FROM t WHERE a IS DISTINCT FROM 5 AND a > 100",
        "SELECT * FROM l ANTI JOIN e ON l.k = e.k AND l.v <= e.c",
        "SELECT * FROM l ANTI JOIN e USING (k)",
        "SELECT * FROM l ASOF JOIN r ON l.k = r.k AND l.t >= r.t"}) {
    EXPECT_EQ(FaultOf(sql), "") << sql;
  }
}

}  // namespace
}  // namespace tarn::engine
