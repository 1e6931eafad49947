#include <map>

#include "queryd/execution/test_supervisor.h"

namespace tarn::queryd {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST_F(EngineSupervisorTest, AQueryThatEndsItsProcessTwiceIsRefused) {
  Open();
  auto query = Start(Request(kEndless), "bad");
  ASSERT_TRUE(Runs("bad"));
  kill(engine->CurrentPid(), SIGSEGV);
  ASSERT_TRUE(EndIsolated(SIGSEGV));
  const Result<std::string> result = Get(query);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kInternal);
  EXPECT_EQ(result.error().message,
            "the engine process ended while this query ran, twice; it does not run again");
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  EXPECT_THAT(Run(kEndless), HasSubstr("error: this query ended or broke two engine processes"));
}

// The query that ended the process ends no other query. The others only take longer.
TEST_F(EngineSupervisorTest, SuspectsRunOneByOneInAProcessOfTheirOwn) {
  Open();
  std::vector<std::future<Result<std::string>>> running;
  for (const char* id : {"a", "b", "c"}) running.push_back(Start(Request(kLong), id));
  ASSERT_TRUE(Runs("a") && Runs("b") && Runs("c"));
  const pid_t former = engine->CurrentPid();
  kill(former, SIGSEGV);
  ASSERT_TRUE(Replaced(former));
  ASSERT_TRUE(Eventually([&] { return engine->IsolatedPid() > 0; }));
  const pid_t isolated = engine->IsolatedPid();
  EXPECT_NE(isolated, engine->CurrentPid());
  // The end of the isolated process does not affect the current process and its queries.
  const pid_t current = engine->CurrentPid();
  auto beside = Start(Request(kEndless), "beside");
  ASSERT_TRUE(Runs("beside"));
  for (auto& each : running) EXPECT_EQ(TextOf(std::move(each)), "n\r\n42\r\n");
  EXPECT_TRUE(Eventually([&] { return engine->IsolatedPid() < 0 && !IsThere(isolated); }))
      << "it ends with the last suspect";
  EXPECT_EQ(engine->CurrentPid(), current);
  EndByHand("beside", std::move(beside));
  EXPECT_EQ(Run(kLong), "n\r\n42\r\n") << "it is no suspect any more";
}

TEST_F(EngineSupervisorTest, SuspectsThatWaitAreBounded) {
  options.suspect_queue_max = 0;
  Open();
  std::map<std::string, std::future<Result<std::string>>> suspects;
  for (const char* id : {"a", "b"}) suspects[id] = Start(Request(kEndless), id);
  ASSERT_TRUE(Runs("a") && Runs("b"));
  kill(engine->CurrentPid(), SIGSEGV);
  const auto is_over = [&](const std::string& id) {
    return suspects.at(id).wait_for(0s) == std::future_status::ready;
  };
  ASSERT_TRUE(Eventually([&] { return is_over("a") || is_over("b"); }));
  const std::string refused = is_over("a") ? "a" : "b";
  const std::string runs = refused == "a" ? "b" : "a";
  EXPECT_THAT(TextOf(std::move(suspects.at(refused))),
              HasSubstr("error: too many queries wait to run in an engine process of their own"));
  EXPECT_TRUE(Eventually([&] {
    return metrics.Render().find("tarn_suspect_queries_running 1\n") != std::string::npos;
  }));
  ASSERT_TRUE(CancelByHand(runs));
  EXPECT_EQ(TextOf(std::move(suspects.at(runs))), "error: by hand");
}

TEST_F(EngineSupervisorTest, ASuspectThatIsCancelledLeavesNoProcess) {
  options.cancel_grace = 200ms;
  Open();
  auto query = Start(Request(kEndless), "bad");
  ASSERT_TRUE(Runs("bad"));
  kill(engine->CurrentPid(), SIGSEGV);
  ASSERT_TRUE(Eventually([&] { return engine->IsolatedPid() > 0; }));
  EndByHand("bad", std::move(query));
  EXPECT_TRUE(Eventually([&] { return engine->IsolatedPid() < 0; }));
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
}

// The kernel or an operator ended the process, so the query is not the cause.
TEST_F(EngineSupervisorTest, AQueryWhoseOwnProcessIsKilledFromOutsideIsNotRefused) {
  Open();
  auto query = Start(Request(kEndless), "killed");
  ASSERT_TRUE(Runs("killed"));
  kill(engine->CurrentPid(), SIGSEGV);
  ASSERT_TRUE(EndIsolated(SIGKILL));
  const Result<std::string> result = Get(query);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(result.error().message, HasSubstr("was ended from outside"));
  auto again = Start(Request(kEndless), "again");
  ASSERT_TRUE(Runs("again"));
  EndByHand("again", std::move(again));
}

TEST_F(EngineSupervisorTest, AnEndForTheSharedMemoryIsNotHeldAgainstAQuery) {
  query_options.whole_bytes_max = 1000;
  Open();
  const Statement request = Request("FROM range(100000000)");
  auto begun = Get(Spawn(io.NewStrand(), Begin(*service, request, "cut")));
  ASSERT_TRUE(begun.ok());
  const std::shared_ptr<EngineProcess> process = engine->CurrentProcess();
  EngineMemory memory(1);
  memory.Report(&memory, {{.process = process, .bytes = 2}});
  EXPECT_EQ(process->end_cause(), EndCause::kSharedMemory);
  EXPECT_FALSE(*process->has_crashed());
  EXPECT_EQ(Get(Spawn((*begun)->query().executor(), ReadUntilError(*begun))),
            "the engine process ended before the query did");
  Destroy(std::move(*begun));
  auto again = Get(Spawn(io.NewStrand(), Begin(*service, request, "again")));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(engine->IsolatedPid(), -1);
  Destroy(std::move(*again));
  EXPECT_EQ(EngineSupervisor::LostError(EndCause::kSharedMemory).kind, ErrorKind::kUnavailable);
}

// Otherwise a client could end any number of processes, if it disconnects in time.
TEST_F(EngineSupervisorTest, TheEndOfAProcessCountsAgainstAQueryThatIsCancelledBefore) {
  options.cancel_grace = 10 * kSoon;
  quarantine.crashes_max = 1;
  Open();
  auto query = Start(Request(kEndless), "bad");
  ASSERT_TRUE(Runs("bad"));
  const pid_t pid = engine->CurrentPid();
  kill(pid, SIGSTOP);
  EndByHand("bad", std::move(query));
  kill(pid, SIGSEGV);
  kill(pid, SIGCONT);
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
    return metrics.Render().find("tarn_engine_isolated_starts_total 0\n") == std::string::npos;
  })) << "all queries of the client are suspects";
}

TEST_F(EngineSupervisorTest, TheEndOfAProcessCountsAgainstAQueryThatIsCancelledAfterwards) {
  quarantine.crashes_max = 1;
  Open();
  auto query = Start(Request(kEndless), "bad");
  ASSERT_TRUE(Runs("bad"));
  kill(engine->CurrentPid(), SIGSEGV);
  ASSERT_TRUE(Eventually([&] { return engine->IsolatedPid() > 0; }));
  EndByHand("bad", std::move(query));
  ASSERT_TRUE(Eventually([&] { return engine->IsolatedPid() < 0; }));
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  EXPECT_THAT(metrics.Render(), HasSubstr("tarn_engine_isolated_starts_total 2\n"));
}

TEST_F(EngineSupervisorTest, ASuspectRunsWhileTheCatalogueChangesAllTheTime) {
  Open();
  auto query = Start(Request(kLong), "suspect");
  ASSERT_TRUE(Runs("suspect"));
  std::atomic<bool> over = false;
  auto changes = std::async(std::launch::async, [&] {
    while (!over) {
      Apply({{"t", {"one.parquet"}}});
      std::this_thread::sleep_for(1ms);  // Leaves the engines time for the query.
    }
  });
  kill(engine->CurrentPid(), SIGSEGV);
  EXPECT_EQ(TextOf(std::move(query)), "n\r\n42\r\n");
  over = true;
  Get(changes);
}

// Rows that were sent cannot be taken back, so the query does not run again. It is a suspect the
// next time.
TEST_F(EngineSupervisorTest, AQueryWhoseAnswerWasCutRunsAloneTheNextTime) {
  query_options.whole_bytes_max = 1000;
  Open();
  const Statement request = Request("FROM range(100000000)");
  auto begun = Get(Spawn(io.NewStrand(), Begin(*service, request, "cut")));
  ASSERT_TRUE(begun.ok());
  kill(engine->CurrentPid(), SIGSEGV);
  EXPECT_EQ(Get(Spawn((*begun)->query().executor(), ReadUntilError(*begun))),
            "the engine process ended before the query did");
  Destroy(std::move(*begun));
  auto again = Get(Spawn(io.NewStrand(), Begin(*service, request, "again")));
  ASSERT_TRUE(again.ok());
  EXPECT_GT(engine->IsolatedPid(), 0) << "it ends when no query uses it";
  Destroy(std::move(*again));
}

}  // namespace
}  // namespace tarn::queryd
