#include "queryd/execution/test_supervisor.h"

namespace tarn::queryd {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// The queries of the older process have run for longer. Those of the other one run again.
TEST_F(EngineSupervisorTest, AtMostOneProcessDrains) {
  Open();
  const pid_t first = engine->CurrentPid();
  auto in_first = StartAndReplace("first");
  const pid_t second = engine->CurrentPid();
  auto in_second = StartAndReplace("second");
  EXPECT_TRUE(Eventually([&] { return !IsThere(second); }));
  EXPECT_TRUE(IsThere(first));
  EXPECT_LT(engine->IsolatedPid(), 0) << "its query is not at fault";
  EndByHand("first", std::move(in_first));
  EndByHand("second", std::move(in_second));
}

// Other queries that cause one replacement after another cannot prevent its end.
TEST_F(EngineSupervisorTest, AQueryWhoseProcessesAreReplacedRunsInOneOfItsOwn) {
  Open();
  const pid_t first = engine->CurrentPid();
  auto in_first = StartAndReplace("first");
  auto replaced = Start(Request(kEndless), "replaced");
  ASSERT_TRUE(Runs("replaced"));
  for (int i = 0; i < 2; ++i) {
    const pid_t former = engine->CurrentPid();
    engine->Replace("test");
    ASSERT_TRUE(Replaced(former));
    ASSERT_TRUE(Eventually([&] { return !IsThere(former); })) << i;
  }
  EXPECT_TRUE(Eventually([&] { return engine->IsolatedPid() > 0; }));
  EXPECT_TRUE(IsThere(first));
  EndByHand("first", std::move(in_first));
  EndByHand("replaced", std::move(replaced));
}

TEST_F(EngineSupervisorTest, AReplacementThatCanWaitComesAfterTheDrain) {
  Open();
  auto running = StartAndReplace("running");
  const pid_t second = engine->CurrentPid();
  engine->ReplaceAfterDrain("test");
  EXPECT_TRUE(Eventually(
      [&] { return metrics.Render().find("tarn_engine_draining 1\n") != std::string::npos; }));
  EXPECT_THAT(metrics.Render(), HasSubstr("tarn_engine_starts_total 2\n"));
  EXPECT_EQ(engine->CurrentPid(), second);
  EndByHand("running", std::move(running));
  EXPECT_TRUE(Replaced(second));
  const pid_t third = engine->CurrentPid();
  engine->ReplaceAfterDrain("test");
  EXPECT_TRUE(Replaced(third)) << "none drains";
}

// The query of the ended process runs again, and the response that has begun is completed.
TEST_F(EngineSupervisorTest, AProcessWithoutBegunResponsesIsEndedFirst) {
  query_options.whole_bytes_max = 1000;
  Open();
  const pid_t first = engine->CurrentPid();
  auto begun =
      Get(Spawn(io.NewStrand(), Begin(*service, Request("FROM range(100000000)"), "begun")));
  ASSERT_TRUE(begun.ok());
  engine->Replace("test");
  ASSERT_TRUE(Replaced(first));
  const pid_t second = engine->CurrentPid();
  auto running = StartAndReplace("running");
  EXPECT_TRUE(Eventually([&] { return !IsThere(second); }));
  EXPECT_TRUE(IsThere(first));
  EndByHand("running", std::move(running));
  Destroy(std::move(*begun));
}

TEST_F(EngineSupervisorTest, PacesAllStarts) {
  options.starts_burst = 2;
  options.start_interval = 1h;
  Open();  // The first start.
  const pid_t first = engine->CurrentPid();
  engine->Replace("test");  // The second one.
  ASSERT_TRUE(Replaced(first));
  const pid_t second = engine->CurrentPid();
  engine->Replace("test");  // The third one, which is the engine's own.
  ASSERT_TRUE(Replaced(second));
  const pid_t third = engine->CurrentPid();
  for (int i = 0; i < 3; ++i) engine->Replace("test");
  {
    const std::lock_guard lock(mutex);
    credentials.access_key_id = "other";
  }
  EXPECT_TRUE(engine->RefreshCredentials().ok());
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n") << "the current process goes on";
  EXPECT_EQ(engine->CurrentPid(), third);
  EXPECT_THAT(metrics.Render(), HasSubstr("tarn_engine_starts_total 3\n"));
  EXPECT_THAT(metrics.Render(), HasSubstr("tarn_engine_delayed_starts_total 1\n"));
}

// The limit allows one process, so the draining one is ended and its query runs in the other.
TEST_F(EngineSupervisorTest, AllProcessesShareOneMemory) {
  Open();
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  const uint64_t of_one = ResidentBytes(engine->CurrentPid());
  options.memory = std::make_shared<EngineMemory>(of_one * 3 / 2);
  Open();
  const pid_t former = engine->CurrentPid();
  auto running = StartAndReplace("endless");
  EXPECT_TRUE(Eventually([&] { return !IsThere(former); }));
  EXPECT_TRUE(IsThere(engine->CurrentPid()));
  EndByHand("endless", std::move(running));
}

TEST_F(EngineSupervisorTest, AReplacedProcessFinishesItsQueries) {
  Open();
  const pid_t former = engine->CurrentPid();
  auto endless = Start(Request(kEndless), "endless");
  auto running = Start(Request(kLong), "running");
  ASSERT_TRUE(Runs("endless") && Runs("running"));
  engine->Replace("test");
  ASSERT_TRUE(Replaced(former));
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  EXPECT_EQ(TextOf(std::move(running)), "n\r\n42\r\n");
  EXPECT_TRUE(IsThere(former)) << "one still runs in it";
  EndByHand("endless", std::move(endless));
  EXPECT_TRUE(Eventually([&] { return !IsThere(former); }));
}

TEST_F(EngineSupervisorTest, DrainingIsBounded) {
  options.drain_timeout = 100ms;
  query_options.limits.timeout = 2 * kSoon;
  Open();
  const pid_t former = engine->CurrentPid();
  auto running = Start(Request(kEndless), "endless");
  ASSERT_TRUE(Runs("endless"));
  engine->Replace("test");
  EXPECT_TRUE(Replaced(former));
  EXPECT_TRUE(Eventually([&] { return !IsThere(former); }));
  // The query runs again in the new process.
  EXPECT_TRUE(IsThere(engine->CurrentPid()));
  EndByHand("endless", std::move(running));
}

}  // namespace
}  // namespace tarn::queryd
