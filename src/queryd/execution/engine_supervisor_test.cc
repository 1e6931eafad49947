#include "queryd/execution/test_supervisor.h"

namespace tarn::queryd {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST_F(EngineSupervisorTest, StartsAndServes) {
  Open();
  EXPECT_THAT(engine->Version(), testing::StartsWith("DuckDB v"));
  EXPECT_TRUE(IsThere(engine->CurrentPid()));
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  EXPECT_THAT(Run("SELECT nothing"), HasSubstr("error: Binder Error"));
  std::vector<std::future<Result<std::string>>> many;
  for (int i = 0; i < 30; ++i) many.push_back(Start(fmt::format("SELECT {} AS x", i)));
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(TextOf(std::move(many[static_cast<size_t>(i)])), fmt::format("x\r\n{}\r\n", i));
  }
}

TEST_F(EngineSupervisorTest, ALargeResultArrivesCompletely) {
  query_options.whole_bytes_max = 1000;
  Open();
  const std::string bytes = Run("FROM range(1000000)");
  EXPECT_THAT(bytes, testing::StartsWith("range\r\n0\r\n1\r\n"));
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), '\n'), 1'000'001);
}

TEST_F(EngineSupervisorTest, AProcessThatIsKilledIsReplacedAndItsQueriesRunAgain) {
  Open();
  const pid_t former = engine->CurrentPid();
  std::vector<std::future<Result<std::string>>> running;
  for (const char* id : {"a", "b", "c"}) running.push_back(Start(Request(kLong), id));
  EXPECT_TRUE(Runs("a") && Runs("b") && Runs("c"));
  kill(former, SIGKILL);
  // A query without a process waits for the next one.
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  for (auto& each : running) EXPECT_EQ(TextOf(std::move(each)), "n\r\n42\r\n");
  EXPECT_NE(engine->CurrentPid(), former);
  EXPECT_FALSE(IsThere(former));
}

// Queries get slots of the ended process until the front has noticed its end.
TEST_F(EngineSupervisorTest, NoQueryIsRefusedWhenAnIdleProcessIsKilled) {
  Open();
  for (int round = 0; round < 5; ++round) {
    kill(engine->CurrentPid(), SIGKILL);
    std::vector<std::future<Result<std::string>>> many;
    for (int i = 0; i < 8; ++i) many.push_back(Start("SELECT 42 AS x"));
    for (auto& each : many) EXPECT_EQ(TextOf(std::move(each)), "x\r\n42\r\n");
  }
}

TEST_F(EngineSupervisorTest, ViewsSurviveAReplacement) {
  Open();
  Apply({{"t", {"one.parquet"}}, {"gone", {"one.parquet"}}});
  EXPECT_EQ(Run("FROM t"), "id\r\n1\r\n");
  Apply({}, {"gone"});

  const pid_t first = engine->CurrentPid();
  kill(first, SIGKILL);
  ASSERT_TRUE(Replaced(first));
  EXPECT_EQ(Run("FROM t"), "id\r\n1\r\n");
  EXPECT_THAT(Run("FROM gone"), HasSubstr("error: "));

  const pid_t second = engine->CurrentPid();
  engine->Replace("test");
  ASSERT_TRUE(Replaced(second));
  EXPECT_EQ(Run("FROM t"), "id\r\n1\r\n");
}

TEST_F(EngineSupervisorTest, EachProbeReportsItsResult) {
  options.setup.only_probes = true;
  options.slots = 0;
  Open();
  std::vector<ProbeRequest> requests;
  for (int i = 0; i < 100; ++i) {
    const std::string key = i % 10 == 3 ? "missing.parquet" : "one.parquet";
    requests.push_back({{fmt::format("t{}", i), {key}}, kSoon});
  }
  requests.push_back({{"late", {"one.parquet"}}, Duration::zero()});
  const auto outcomes = Probe(requests);
  ASSERT_EQ(outcomes.size(), requests.size());
  for (size_t i = 0; i < 100; ++i) {
    if (i % 10 == 3) {
      ASSERT_FALSE(outcomes[i].ok());
      EXPECT_THAT(outcomes[i].error().message, HasSubstr("missing.parquet"));
    } else {
      ASSERT_TRUE(outcomes[i].ok()) << outcomes[i].error().message;
      EXPECT_THAT(outcomes[i]->columns, testing::ElementsAre(protocol::Column{"id", "INTEGER"}));
    }
  }
  ASSERT_FALSE(outcomes[100].ok());
  EXPECT_EQ(outcomes[100].error().kind, ErrorKind::kTimeout);
  EXPECT_TRUE(Probe({}).empty());
}

// One process starts while the other takes the change.
TEST_F(EngineSupervisorTest, AChangeDuringAReplacementIsInBoth) {
  Open();
  for (int round = 0; round < 4; ++round) {
    const std::string name = fmt::format("t{}", round);
    const pid_t former = engine->CurrentPid();
    if (round % 2 == 0) engine->Replace("test");
    Apply({{name, {"one.parquet"}}});
    if (round % 2 == 1) engine->Replace("test");
    EXPECT_EQ(Run("FROM " + name), "id\r\n1\r\n");
    ASSERT_TRUE(Replaced(former));
    EXPECT_EQ(Run("FROM " + name), "id\r\n1\r\n");
  }
}

// A revision with a former key. The process may have cached another object under it.
TEST_F(EngineSupervisorTest, ObjectsThatMayBeOverwrittenAreReadByAnotherProcess) {
  options.setup.cache_objects = true;
  Open();
  WriteOneRow(folder / "two.parquet");
  const auto put = [&](const std::vector<std::string>& keys,
                       const std::vector<std::string>& etags) {
    const pid_t former = engine->CurrentPid();
    Apply({{.name = "t", .keys = keys, .etags = etags}});
    EXPECT_EQ(Run("SELECT count(*) > 0 AS x FROM t"), "x\r\ntrue\r\n");
    return engine->CurrentPid() != former;
  };
  EXPECT_FALSE(put({"one.parquet"}, {})) << "a new key";
  EXPECT_TRUE(put({"one.parquet"}, {})) << "without ETags, it may be overwritten";
  EXPECT_TRUE(put({"one.parquet"}, {"a"})) << "it had no ETag before";
  EXPECT_FALSE(put({"one.parquet"}, {"a"}));
  EXPECT_FALSE(put({"one.parquet", "two.parquet"}, {"a", ""})) << "the second is new";
  EXPECT_TRUE(put({"one.parquet"}, {"b"}));
  EXPECT_FALSE(put({"two.parquet"}, {"x"})) << "the process that read the object has ended";
  Apply({}, {"t"});
  EXPECT_TRUE(put({"one.parquet"}, {"c"})) << "the process still has the dropped object";
}

TEST_F(EngineSupervisorTest, AProcessWithoutCachedObjectsIsNotReplaced) {
  Open();
  const pid_t pid = engine->CurrentPid();
  for (int i = 0; i < 3; ++i) Apply({{"t", {"one.parquet"}}});
  EXPECT_EQ(engine->CurrentPid(), pid);
}

TEST_F(EngineSupervisorTest, AProbeFailsWithItsProcessAndAChangeDoesNot) {
  Open();
  // It answers nothing while it is stopped.
  const pid_t pid = engine->CurrentPid();
  kill(pid, SIGSTOP);
  auto probe = std::async(std::launch::async, [&] {
    return Probe({{{"t", {"one.parquet"}}, 2 * kSoon}});
  });
  auto change = std::async(std::launch::async, [&] { Apply({{"t", {"one.parquet"}}}); });
  kill(pid, SIGKILL);
  const auto outcomes = Get(probe);
  // If the process had ended already, the next one has the change.
  if (!outcomes[0].ok()) {
    EXPECT_EQ(outcomes[0].error().kind, ErrorKind::kCancelled) << "and is begun again";
    EXPECT_EQ(outcomes[0].error().message, "the engine process ended");
  }
  Get(change);
  EXPECT_EQ(Run("FROM t"), "id\r\n1\r\n") << "the next process knows of it";
}

TEST_F(EngineSupervisorTest, NamesAMissingProgram) {
  options.program = (folder / "nothing").string();
  const Result<> opened = TryOpen();
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message, testing::StartsWith("cannot start " + options.program));
}

TEST_F(EngineSupervisorTest, ReportsTheExitStatusOfAFailedStart) {
  options.program = Script("exit 3");
  const Result<> opened = TryOpen();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().message, "the engine ended while it started: exit status 3");
}

TEST_F(EngineSupervisorTest, ReportsTheSignalOfAFailedStart) {
  options.program = Script("kill -SEGV $$");
  const Result<> opened = TryOpen();
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message, HasSubstr("killed by signal 11"));
}

TEST_F(EngineSupervisorTest, EndsAProgramThatSendsNothing) {
  options.program = Script("echo $$ > " + (folder / "pid").string() + "; exec sleep 1000");
  options.start_timeout = 300ms;
  const Result<> opened = TryOpen();
  ASSERT_FALSE(opened.ok());
  engine->Stop();
  pid_t pid = 0;
  std::ifstream(folder / "pid") >> pid;
  if (pid != 0) {
    EXPECT_FALSE(IsThere(pid));
  }
}

TEST_F(EngineSupervisorTest, ReportsTheErrorOfAFailedSetUp) {
  options.setup.httpfs_path = (folder / "one.parquet").string();
  options.setup.store.is_folder = false;
  const Result<> opened = TryOpen();
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message, HasSubstr("load httpfs"));
}

TEST_F(EngineSupervisorTest, StopLeavesNoProcessAndEndsQueries) {
  Open();
  const pid_t former = engine->CurrentPid();
  auto running = StartAndReplace("endless");
  const pid_t current = engine->CurrentPid();
  auto in_both = Start(Request(kEndless), "other");
  ASSERT_TRUE(Runs("other"));
  engine->Stop();
  EXPECT_FALSE(IsThere(former));
  EXPECT_FALSE(IsThere(current));
  EXPECT_EQ(engine->CurrentPid(), -1);
  EXPECT_THAT(TextOf(std::move(running)), HasSubstr("error: "));
  EXPECT_THAT(TextOf(std::move(in_both)), HasSubstr("error: "));
  EXPECT_EQ(Run("SELECT 1"), "error: the server is shutting down");
  engine->Stop();  // A second time does nothing.
}

TEST_F(EngineSupervisorTest, StopsWhileAProcessStarts) {
  for (int round = 0; round < 3; ++round) {
    Open();
    engine->Replace("test");
    engine->Stop();
    EXPECT_EQ(engine->CurrentPid(), -1);
    service = nullptr;
    engines = nullptr;
  }
}

TEST_F(EngineSupervisorTest, OtherCredentialsReplaceTheProcess) {
  Open();
  const pid_t former = engine->CurrentPid();
  EXPECT_TRUE(engine->RefreshCredentials().ok());
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  EXPECT_EQ(engine->CurrentPid(), former) << "they are the same";
  {
    const std::lock_guard lock(mutex);
    credentials.access_key_id = "broken";
  }
  EXPECT_EQ(engine->RefreshCredentials().error().message, "no secrets");
  {
    const std::lock_guard lock(mutex);
    credentials.access_key_id = "other";
  }
  EXPECT_TRUE(engine->RefreshCredentials().ok());
  EXPECT_TRUE(engine->RefreshCredentials().ok()) << "it is on its way already";
  EXPECT_TRUE(Replaced(former));
  EXPECT_TRUE(Eventually([&] { return !IsThere(former); }));
  const pid_t current = engine->CurrentPid();
  EXPECT_TRUE(engine->RefreshCredentials().ok());
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  EXPECT_EQ(engine->CurrentPid(), current);
}

}  // namespace
}  // namespace tarn::queryd
