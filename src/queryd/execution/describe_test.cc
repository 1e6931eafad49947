// The columns of a statement: with its result, and without running it.

#include "queryd/execution/test_supervisor.h"

namespace tarn::queryd {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

asio::awaitable<Result<Description>> DescribeWith(QueryService& service, Statement statement,
                                                  std::string id) {
  Result<QueryHandle> handle = co_await service.Open(statement, id, auth::Anonymous());
  if (!handle.ok()) co_return handle.error();
  Result<Description> description = co_await service.Describe(statement, std::move(*handle));
  co_return description;
}

std::string Joined(const std::vector<ResultColumn>& columns) {
  std::string text;
  for (const ResultColumn& column : columns) {
    text += (text.empty() ? "" : ", ") + column.name + " " + column.type;
  }
  return text;
}

class DescribeTest : public EngineSupervisorTest {
 protected:
  std::future<Result<Description>> StartDescribe(const Statement& statement,
                                                 const std::string& id) {
    return Spawn(io.NewStrand(), DescribeWith(*service, statement, id));
  }
  static std::string Text(const Result<Description>& description) {
    if (!description.ok()) return "error: " + description.error().message;
    return Joined(description->columns) + " <- " + Joined(description->parameters);
  }
  std::string Describe(const Statement& statement) {
    return Text(Get(StartDescribe(statement, "d" + std::to_string(++queries))));
  }
  std::string ColumnsOfRun(const Statement& statement) {
    auto result =
        Get(Spawn(io.NewStrand(), Begin(*service, statement, "r" + std::to_string(++queries))));
    if (!result.ok()) return "error: " + result.error().message;
    std::string columns = Joined((*result)->columns());
    Destroy(std::move(*result));
    return columns;
  }
  std::string Describe(const std::string& sql) { return Describe(Request(sql)); }
};

TEST_F(DescribeTest, RunsNoPartOfTheStatement) {
  Open();
  EXPECT_EQ(Describe(kEndless), "count_star() BIGINT <- ");
  EXPECT_EQ(Describe("SELECT error('it ran') AS e, 1 AS e"), "e INTEGER, e INTEGER <- ");
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
}

TEST_F(DescribeTest, HasTheErrorsOfARun) {
  Open();
  for (const char* sql : {"FROM nowhere", "SELECT nothing FROM range(3)", "SELEC 1", "DROP VIEW t",
                          "SELECT 1; SELECT 2", "FROM read_csv('/etc/passwd')"}) {
    const std::string error = Run(sql);
    EXPECT_EQ(error.substr(0, 7), "error: ") << sql;
    EXPECT_EQ(Describe(sql), error) << sql;
  }
}

TEST_F(DescribeTest, NamesTheColumnsAndParametersOfADataset) {
  Open();
  Apply({{"t", {"one.parquet"}}});
  EXPECT_EQ(Describe("FROM t"), "id INTEGER <- ");
  EXPECT_EQ(Describe("SELECT id FROM t WHERE id = ? AND id < ?"),
            "id INTEGER <- 1 INTEGER, 2 INTEGER");
  EXPECT_EQ(Describe("SELECT id, $word::VARCHAR AS w FROM t"),
            "id INTEGER, w VARCHAR <- word VARCHAR");
  EXPECT_EQ(Get(StartDescribe(Request("FROM t"), "revision"))->revision, 1U);
}

// The type of a value decides that of the column.
TEST_F(DescribeTest, ColumnsMayDependOnValues) {
  Open();
  Statement statement = Request("SELECT ? AS a, 1 AS b");
  EXPECT_EQ(Describe(statement), " <- 1 ");
  for (const auto& [params, a] : {std::pair{"[7]", "INTEGER"}, {R"(["x"])", "VARCHAR"}}) {
    statement.params = params;
    for (const bool at_once : {false, true}) {
      statement.answers_when_bound = at_once;
      EXPECT_EQ(ColumnsOfRun(statement), fmt::format("a {}, b INTEGER", a)) << params;
    }
    EXPECT_EQ(Describe(statement), " <- 1 ") << "also after a run with values";
  }
}

TEST_F(DescribeTest, TheTypeOfAnExpressionFollowsTheValue) {
  Open();
  Apply({{"t", {"one.parquet"}}});
  Statement statement = Request("SELECT id + $1 AS b FROM t");
  EXPECT_EQ(Describe(statement), " <- 1 ");
  statement.answers_when_bound = true;
  statement.params = "[1.5]";
  EXPECT_EQ(ColumnsOfRun(statement), "b DECIMAL(12,1)");
  statement.params = "[2]";
  EXPECT_EQ(ColumnsOfRun(statement), "b INTEGER");
}

TEST_F(DescribeTest, ColumnsFollowChangesOfTheCatalogue) {
  Open();
  Statement statement = Request("SELECT * FROM t");
  statement.answers_when_bound = true;
  for (const char* type : {"BIGINT", "DOUBLE", "BIGINT"}) {
    Apply({{"t",
            {"one.parquet"},
            {.columns = {{"id", type}}, .groups = {{{0}, {{"id", "INTEGER"}}}}}}});
    for (const char* when : {"first", "again, from a cached plan"}) {
      EXPECT_EQ(ColumnsOfRun(statement), std::string("id ") + type) << when;
      EXPECT_EQ(Describe(statement), std::string("id ") + type + " <- ") << when;
    }
  }
}

TEST_F(DescribeTest, ColumnsBeyondTheLimitAreNotReported) {
  Open();
  const std::string name(protocol::Begun::kColumnBytesMax, 'a');
  const Statement statement = Request(fmt::format("SELECT 1 AS {}", name));
  EXPECT_THAT(Describe(statement), testing::HasSubstr("too many to describe"));
  EXPECT_EQ(ColumnsOfRun(statement), "");
  EXPECT_EQ(TextOf(Start(statement, "whole")), name + "\r\n1\r\n");
}

TEST_F(DescribeTest, CanBeCancelled) {
  Open();
  kill(engine->CurrentPid(), SIGSTOP);
  auto description = StartDescribe(Request("SELECT 1"), "stopped");
  ASSERT_TRUE(Runs("stopped"));
  ASSERT_TRUE(CancelByHand("stopped"));
  EXPECT_EQ(Text(Get(description)), "error: by hand");
}

TEST_F(DescribeTest, AResultHasItsColumns) {
  query_options.cache_bytes_max = 1'000'000;
  Open();
  for (const bool is_cached : {false, true}) {
    const auto result = Get(Spawn(io.NewStrand(), Begin(*service, Request("SELECT 1 AS a, [] AS b"),
                                                        is_cached ? "second" : "first")));
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ((*result)->is_cached(), is_cached);
    EXPECT_EQ(Joined((*result)->columns()), "a INTEGER, b INTEGER[]");
  }
}

// The statement would run for minutes before its first row.
TEST_F(DescribeTest, ColumnsComeBeforeTheFirstRow) {
  Open();
  Statement statement = Request(kEndless);
  statement.answers_when_bound = true;
  auto result = Get(Spawn(io.NewStrand(), Begin(*service, statement, "endless")));
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_FALSE((*result)->IsComplete());
  EXPECT_EQ(Joined((*result)->columns()), "count_star() BIGINT");
  ASSERT_TRUE(CancelByHand("endless"));
  EXPECT_EQ(Get(Spawn((*result)->query().executor(), ReadUntilError(*result))), "by hand");
  Destroy(std::move(*result));
  statement.sql = "SELECT 42 AS x";
  EXPECT_EQ(TextOf(Start(statement, "small")), "x\r\n42\r\n");
}

}  // namespace
}  // namespace tarn::queryd
