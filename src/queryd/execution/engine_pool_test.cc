// These tests use the real engine program.

#include "queryd/execution/engine_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <future>
#include <thread>
#include <vector>

#include "base/text.h"
#include "queryd/execution/duckdb_engine.h"
#include "queryd/execution/one_row_parquet.h"
#include "queryd/query/query_service.h"
#include "queryd/query/test_io.h"

namespace tarn::queryd {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using auth::DatasetScope;
using testing::HasSubstr;
using testing::Not;

// Returns the whole result, or "error: …".
asio::awaitable<std::string> Ask(QueryService& service, Statement request, DatasetScope scope) {
  const auto user = std::make_shared<const auth::Identity>(
      auth::Identity{.name = "u", .roles = {auth::Role::kQuery}, .datasets = std::move(scope)});
  const std::string id = RandomId();
  Result<QueryHandle> handle = co_await service.Open(request, id, user);
  if (!handle.ok()) co_return "error: " + handle.error().message;
  Result<ResultStream> result = co_await service.Run(request, std::move(*handle));
  if (!result.ok()) co_return "error: " + result.error().message;
  const Result<std::string> bytes = co_await result->Next();
  co_return *bytes;
}

class EnginePoolTest : public testing::Test {
 protected:
  const fs::path folder = fs::path(testing::TempDir()) / ("tarn-pool-" + RandomId());
  Metrics metrics;
  IoThreads io{2};
  EngineOptions options;
  EnginePool::Limits limits = {.scoped_max = 2, .scoped_memory = 100'000'000};
  Duration queue_timeout = kSoon;
  std::unique_ptr<EnginePool> pool;
  std::unique_ptr<DuckDbEngine> duckdb;
  std::unique_ptr<QueryService> service;

  EnginePoolTest() {
    fs::create_directories(folder);
    WriteOneRow(folder / "one.parquet");
  }
  ~EnginePoolTest() override {
    if (pool != nullptr) pool->Stop();
    fs::remove_all(folder);
  }

  void Open() {
    options.program = TARN_TEST_ENGINE;
    options.setup.store = protocol::ObjectStore::Folder(folder.string());
    options.setup.threads = 2;
    options.setup.memory_limit = 500'000'000;
    options.setup.plan_cache_entries = 10;
    options.setup.log_program = "engine";
    options.setup.log_level = 2;
    options.credentials = []() -> Result<protocol::Credentials> { return protocol::Credentials{}; };
    options.slots = 4;
    pool = std::make_unique<EnginePool>(io.io(), options, limits, metrics);
    service = nullptr;
    duckdb = std::make_unique<DuckDbEngine>(*pool, Quarantine::Limits{}, metrics);
    service = std::make_unique<QueryService>(
        *duckdb,
        QueryService::Options{.admission = {.running_max = 4,
                                            .queue_max = 100,
                                            .queue_timeout = queue_timeout,
                                            .slow_readers_max = 4},
                              .limits = {.timeout = 2 * kSoon},
                              .whole_bytes_max = 1'000'000,
                              .history_max = 100},
        metrics);
    const Result<> opened = pool->Open();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
  }
  uint64_t last_version = 0;

  void Put(const std::string& name) {
    const auto view = std::make_shared<const protocol::ViewSpec>(
        protocol::ViewSpec{.name = name, .keys = {"one.parquet"}, .version = ++last_version});
    ASSERT_TRUE(pool->Apply({.revision = 1, .put = {view}}, Deadline::After(kSoon)).ok());
  }
  std::future<std::string> Send(const std::string& sql, const DatasetScope& scope = {}) {
    Statement request{.sql = sql, .format = Format::kCsv};
    request.limits.timeout = 2 * kSoon;
    return Spawn(io.NewStrand(), Ask(*service, request, scope));
  }
  std::string Run(const std::string& sql, const DatasetScope& scope = {}) {
    return Get(Send(sql, scope));
  }
  double Queued() {
    return metrics.Gauge("tarn_queries_queued", "Queries that are queued").Value();
  }
  double Scoped() {
    return metrics.Gauge("tarn_engine_scoped", "Engines that have only the datasets of some tokens")
        .Value();
  }
};

constexpr const char* kNames = "SELECT table_name FROM information_schema.tables ORDER BY ALL";

TEST_F(EnginePoolTest, AScopeHasItsDatasetsAndNoTraceOfOthers) {
  Open();
  Put("mine");
  Put("theirs");
  const DatasetScope mine = DatasetScope::Of({"mine*"});
  EXPECT_EQ(Run("FROM mine", mine), "id\r\n1\r\n");
  EXPECT_EQ(Run(kNames, mine), "table_name\r\nmine\r\n");
  EXPECT_EQ(Run("SHOW TABLES", mine), "name\r\nmine\r\n");
  EXPECT_EQ(Run(kNames), "table_name\r\nmine\r\ntheirs\r\n");

  // The dataset of another token gives the error of an unknown dataset. DuckDB's suggestions depend
  // on the spelling of the name.
  const auto without_suggestion = [](std::string answer) {
    const size_t begin = answer.find("\nDid you mean ");
    if (begin == std::string::npos) return answer;
    const size_t end = answer.find('\n', begin + 1);
    EXPECT_EQ(answer.substr(begin, end - begin).find("theirs"), std::string::npos) << answer;
    return answer.erase(begin, end - begin);
  };
  for (const std::string sql : {"FROM theirs", "DESCRIBE theirs", "EXPLAIN FROM theirs",
                                "SUMMARIZE theirs", "SELECT theirs.id FROM theirs"}) {
    const std::string answer = without_suggestion(Run(sql, mine));
    EXPECT_THAT(answer, HasSubstr("error: ")) << sql;
    const std::string nowhere = without_suggestion(Run(ReplaceAll(sql, "theirs", "thairs"), mine));
    EXPECT_EQ(answer, ReplaceAll(nowhere, "thairs", "theirs"));
  }
  EXPECT_THAT(Run("FROM their", mine), Not(HasSubstr("theirs"))) << "did you mean";
}

TEST_F(EnginePoolTest, ScopesFollowTheCatalogue) {
  Open();
  Put("a1");
  const DatasetScope as = DatasetScope::Of({"a*"});
  EXPECT_EQ(Run(kNames, as), "table_name\r\na1\r\n");
  Put("a2");
  Put("b1");
  EXPECT_EQ(Run(kNames, as), "table_name\r\na1\r\na2\r\n");
  ASSERT_TRUE(pool->Apply({.revision = 2, .drop = {"a1"}}, Deadline::After(kSoon)).ok());
  EXPECT_EQ(Run(kNames, as), "table_name\r\na2\r\n");
}

TEST_F(EnginePoolTest, TheEngineThatWasIdleLongestGivesUpItsSlot) {
  Open();
  for (const char* name : {"a", "b", "c"}) Put(name);
  EXPECT_EQ(Run("FROM a", DatasetScope::Of({"a"})), "id\r\n1\r\n");
  EXPECT_EQ(Run("FROM b", DatasetScope::Of({"b"})), "id\r\n1\r\n");
  EXPECT_EQ(Scoped(), 2);
  EXPECT_EQ(Run("FROM c", DatasetScope::Of({"c"})), "id\r\n1\r\n");
  EXPECT_EQ(Scoped(), 2);
  {
    const auto b = pool->For(DatasetScope::Of({"b"}));
    const auto c = pool->For(DatasetScope::Of({"c"}));
    ASSERT_TRUE(b.ok() && c.ok());
    EXPECT_GT((*b)->CurrentPid(), 0) << "c took the slot of a";
    EXPECT_EQ(*pool->For(DatasetScope::Of({"a"})), nullptr);
    EXPECT_EQ(Run("FROM a"), "id\r\n1\r\n") << "a token for all datasets does not wait";
  }
  EXPECT_EQ(Run("FROM a", DatasetScope::Of({"a"})), "id\r\n1\r\n");
}

TEST_F(EnginePoolTest, QueriesOfAFurtherSetWaitForASlot) {
  Open();
  for (const char* name : {"a", "b", "c"}) Put(name);
  auto a = pool->For(DatasetScope::Of({"a"}));
  const auto b = pool->For(DatasetScope::Of({"b"}));
  ASSERT_TRUE(a.ok() && b.ok());
  std::vector<std::future<std::string>> waiting;
  for (int i = 0; i < 6; ++i) waiting.push_back(Send("FROM c", DatasetScope::Of({"c"})));
  ASSERT_TRUE(Eventually([&] { return Queued() == 6; }));
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n") << "they hold no slots: there are four";
  *a = nullptr;
  for (auto& each : waiting) EXPECT_EQ(Get(each), "id\r\n1\r\n");
  EXPECT_EQ(Scoped(), 2);
}

TEST_F(EnginePoolTest, TheErrorOfATimedOutWaitNamesTheSetting) {
  queue_timeout = 200ms;
  Open();
  const auto a = pool->For(DatasetScope::Of({"a"}));
  const auto b = pool->For(DatasetScope::Of({"b"}));
  EXPECT_THAT(Run("SELECT 1", DatasetScope::Of({"c"})), HasSubstr("queryd.scoped_engines_max"));
  EXPECT_EQ(Queued(), 0);
}

TEST_F(EnginePoolTest, BusySetsTakeTurns) {
  limits.scoped_max = 1;
  limits.turn = 300ms;
  options.start_interval = Duration::zero();
  Open();
  std::atomic<bool> is_over = false;
  std::vector<std::thread> clients;
  // Each set has overlapping queries, so its engine is never idle.
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, i] {
      const DatasetScope scope = DatasetScope::Of({i < 2 ? "a" : "b"});
      while (!is_over) EXPECT_EQ(Run("SELECT 1 AS x", scope), "x\r\n1\r\n");
    });
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Run("SELECT 1 AS x", DatasetScope::Of({"c"})), "x\r\n1\r\n");
    EXPECT_EQ(Run("SELECT 1 AS x", DatasetScope::Of({"d"})), "x\r\n1\r\n");
  }
  is_over = true;
  for (std::thread& client : clients) client.join();
}

TEST_F(EnginePoolTest, AnEngineKeepsItsSlotForATurn) {
  limits.scoped_max = 1;
  limits.turn = kSoon * 2;
  limits.rest = kSoon * 2;
  queue_timeout = 300ms;
  Open();
  const DatasetScope a = DatasetScope::Of({"a"});
  EXPECT_EQ(Run("SELECT 1 AS x", a), "x\r\n1\r\n");
  const pid_t former = (*pool->For(a))->CurrentPid();
  auto waiting = Send("SELECT 1 AS x", DatasetScope::Of({"b"}));
  ASSERT_TRUE(Eventually([&] { return Queued() == 1; }));
  EXPECT_EQ(Run("SELECT 1 AS x", a), "x\r\n1\r\n") << "its queries do not wait for the other set";
  EXPECT_THAT(Get(waiting), HasSubstr("queryd.scoped_engines_max"));
  EXPECT_EQ((*pool->For(a))->CurrentPid(), former);
}

TEST_F(EnginePoolTest, ACancelledQueryDoesNotWaitForASlot) {
  Open();
  const auto a = pool->For(DatasetScope::Of({"a"}));
  const auto b = pool->For(DatasetScope::Of({"b"}));
  auto waiting = Send("SELECT 1", DatasetScope::Of({"c"}));
  ASSERT_TRUE(Eventually([&] { return Queued() == 1; }));
  service->registry().CancelAll({ErrorKind::kCancelled, "enough"});
  EXPECT_EQ(Get(waiting), "error: enough");
}

TEST_F(EnginePoolTest, AnIdleEngineEnds) {
  limits.idle_timeout = Duration::zero();
  Open();
  Put("a");
  const DatasetScope scope = DatasetScope::Of({"a"});
  EXPECT_EQ(Run("FROM a", scope), "id\r\n1\r\n");
  pid_t pid = 0;
  {
    const auto use = pool->For(scope);
    ASSERT_TRUE(use.ok());
    pid = (*use)->CurrentPid();
    pool->EndIdle();
    EXPECT_EQ((*use)->CurrentPid(), pid) << "it is in use";
  }
  pool->EndIdle();
  EXPECT_EQ(Scoped(), 0);
  EXPECT_NE(kill(pid, 0), 0);
  EXPECT_EQ(Run("FROM a", scope), "id\r\n1\r\n") << "it starts again";
}

// The wait for the process ends at a limit, and the process outlives its engine.
TEST_F(EnginePoolTest, DoesNotWaitForAnEngineThatDoesNotEnd) {
  limits.idle_timeout = Duration::zero();
  options.stop_timeout = Duration::zero();
  Open();
  Put("a");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Run("FROM a", DatasetScope::Of({"a"})), "id\r\n1\r\n");
    std::weak_ptr<EngineSupervisor> engine;
    pid_t pid = 0;
    {
      const auto use = pool->For(DatasetScope::Of({"a"}));
      ASSERT_TRUE(use.ok());
      engine = (*use)->weak_from_this();
      pid = (*use)->CurrentPid();
    }
    pool->EndIdle();
    EXPECT_TRUE(Eventually([&] { return kill(pid, 0) != 0; })) << "the process is still reaped";
    EXPECT_TRUE(Eventually([&] { return engine.expired(); }));
  }
}

TEST_F(EnginePoolTest, ACrashingEngineLeavesAStartToOthers) {
  options.starts_burst = 2;
  options.start_interval = 1h;
  Open();  // The first start.
  Put("a");
  Put("b");
  const DatasetScope scope = DatasetScope::Of({"a"});
  EXPECT_EQ(Run("FROM a", scope), "id\r\n1\r\n");  // The second one.
  const auto use = pool->For(scope);
  ASSERT_TRUE(use.ok());
  const pid_t former = (*use)->CurrentPid();
  kill(former, SIGKILL);  // The next one is its own.
  ASSERT_TRUE(
      Eventually([&] { return (*use)->CurrentPid() > 0 && (*use)->CurrentPid() != former; }));
  kill((*use)->CurrentPid(), SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    return metrics.Render().find("tarn_engine_delayed_starts_total 1\n") != std::string::npos;
  }));
  EXPECT_EQ(Run("FROM b", DatasetScope::Of({"b"})), "id\r\n1\r\n");
  const pid_t first = pool->first().CurrentPid();
  kill(first, SIGKILL);
  EXPECT_TRUE(Eventually(
      [&] { return pool->first().CurrentPid() > 0 && pool->first().CurrentPid() != first; }));
}

TEST_F(EnginePoolTest, AScopedEngineHasItsOwnMemoryLimit) {
  Open();
  Put("a");
  // Some 200 MB of groups, and nowhere to spill them.
  const std::string hungry =
      "SELECT count(*) AS n FROM (SELECT DISTINCT range FROM range(6000000))";
  EXPECT_EQ(Run(hungry), "n\r\n6000000\r\n");
  EXPECT_THAT(Run(hungry, DatasetScope::Of({"a"})), HasSubstr("Out of Memory"));
}

TEST_F(EnginePoolTest, TokensThatExhaustMemoryHaveAnEngineApart) {
  limits.idle_timeout = 0s;
  Open();
  Put("a");
  auto apart = pool->For(DatasetScope(), /*is_apart=*/true);
  ASSERT_TRUE(apart.ok());
  EXPECT_NE(apart->get(), &pool->first());
  EXPECT_EQ(pool->For(DatasetScope(), true)->get(), apart->get()) << "all these tokens share it";
  EXPECT_EQ(pool->For(DatasetScope())->get(), &pool->first());
  EXPECT_EQ(Scoped(), 0) << "it takes no place of a limited token";

  // It follows the catalogue.
  Put("b");
  const auto has_both = [&] {
    return (*apart)->RevisionWith({{.name = "a", .version = 1}, {.name = "b", .version = 2}});
  };
  EXPECT_EQ(has_both(), std::optional<uint64_t>(1));

  ASSERT_TRUE(Eventually([&] { return (*apart)->CurrentPid() > 0; }));
  const pid_t pid = (*apart)->CurrentPid();
  pool->EndIdle();
  EXPECT_EQ((*apart)->CurrentPid(), pid) << "it is in use";
  *apart = nullptr;
  pool->EndIdle();
  EXPECT_NE(kill(pid, 0), 0);
}

TEST_F(EnginePoolTest, AnEngineThatDiesIsReplacedWithItsDatasets) {
  Open();
  Put("a");
  Put("b");
  const DatasetScope scope = DatasetScope::Of({"a"});
  EXPECT_EQ(Run("FROM a", scope), "id\r\n1\r\n");
  const auto use = pool->For(scope);
  ASSERT_TRUE(use.ok());
  const pid_t pid = (*use)->CurrentPid();
  kill(pid, SIGKILL);
  EXPECT_TRUE(Eventually([&] { return (*use)->CurrentPid() > 0 && (*use)->CurrentPid() != pid; }));
  EXPECT_EQ(Run(kNames, scope), "table_name\r\na\r\n");
}

}  // namespace
}  // namespace tarn::queryd
