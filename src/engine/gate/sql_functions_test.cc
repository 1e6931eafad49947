#include "engine/gate/sql_functions.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "duck/database.h"

namespace tarn::engine {
namespace {

// A function of a new DuckDB version is refused until it is on a list. These tests fail if a
// function is on no list, and if a list has a name that DuckDB no longer has. httpfs is loaded, as
// in queryd.
class FunctionLists : public testing::Test {
 protected:
  duck::Connection connection = *duck::Database::Open({})->Connect();

  void SetUp() override { ASSERT_TRUE(connection.Execute("LOAD '" TARN_TEST_HTTPFS "'").ok()); }

  std::set<std::string> Names(const std::string& sql) {
    duck::Statement statement = *connection.Prepare(sql);
    duck::ResultStream rows = *statement.Execute();
    std::set<std::string> names;
    for (;;) {
      const auto chunk = *rows.Next();
      if (!chunk) return names;
      for (uint64_t row = 0; row < chunk->row_count(); ++row) {
        names.insert(ToLowerAscii(chunk->columns()[0].Data<duck::StringRef>()[row].view()));
      }
    }
  }

  static void ExpectSame(const std::set<std::string>& there, const std::vector<std::string>& list) {
    const std::set<std::string> known(list.begin(), list.end());
    EXPECT_EQ(known.size(), list.size()) << "a name occurs twice on the lists";
    for (const auto& name : there) EXPECT_TRUE(known.contains(name)) << name << " is on no list";
    for (const auto& name : known)
      EXPECT_TRUE(there.contains(name)) << name << " is not a function of DuckDB";
  }
};

TEST_F(FunctionLists, HaveEachTableFunction) {
  const auto there = Names(
      "SELECT function_name FROM duckdb_functions() WHERE function_type IN ('table', "
      "'table_macro') UNION SELECT view_name FROM duckdb_views() WHERE internal AND "
      "schema_name <> 'information_schema'");
  EXPECT_GT(there.size(), 100U);
  ExpectSame(there, CatalogTableFunctions());
}

TEST_F(FunctionLists, HaveEachScalarFunctionAndAggregate) {
  const auto there = Names(
      "SELECT function_name FROM duckdb_functions() WHERE function_type NOT IN ('table', "
      "'table_macro', 'pragma')");
  EXPECT_GT(there.size(), 800U);
  ExpectSame(there, CatalogFunctions());
}

TEST_F(FunctionLists, HaveEachVolatileFunctionOfDuckDb) {
  const auto there = Names(
      "SELECT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT' AND "
      "function_type NOT IN ('table', 'table_macro', 'pragma')");
  EXPECT_GT(there.size(), 20U);
  for (const auto& name : there) EXPECT_TRUE(IsVolatileFunction(name)) << name;
  EXPECT_FALSE(IsVolatileFunction("sum"));
}

TEST_F(FunctionLists, HaveEachViewOfInformationSchema) {
  for (const auto& name :
       Names("SELECT view_name FROM duckdb_views() WHERE schema_name = 'information_schema'")) {
    EXPECT_TRUE(IsInformationSchemaView(name)) << name;
  }
  EXPECT_FALSE(IsInformationSchemaView("duckdb_secrets"));
  EXPECT_FALSE(IsInformationSchemaView(""));
}

}  // namespace
}  // namespace tarn::engine
