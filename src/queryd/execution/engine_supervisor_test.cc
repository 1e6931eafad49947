// With the real engine program, so that what is tested is what runs.

#include "queryd/execution/engine_supervisor.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

#include "base/text.h"
#include "queryd/execution/one_row_parquet.h"
#include "queryd/query/query_service.h"
#include "queryd/query/test_io.h"

namespace tarn::queryd {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

// Runs for minutes unless it is ended.
constexpr const char* kEndless =
    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7";
// Runs long enough for something to happen meanwhile.
constexpr const char* kLong = "SELECT count(*) + 42 AS n FROM range(250000000) WHERE range = -1";

bool IsThere(pid_t pid) { return kill(pid, 0) == 0; }

asio::awaitable<Result<std::shared_ptr<ResultStream>>> Begin(QueryService& service,
                                                             Statement statement, std::string id) {
  Result<QueryHandle> handle = co_await service.Open(statement, id, auth::Anonymous());
  if (!handle.ok()) co_return handle.error();
  Result<ResultStream> result = co_await service.Run(statement, std::move(*handle));
  if (!result.ok()) co_return result.error();
  co_return std::make_shared<ResultStream>(std::move(*result));
}

// The whole result.
asio::awaitable<Result<std::string>> Execute(QueryService& service, Statement statement,
                                             std::string id) {
  Result<std::shared_ptr<ResultStream>> result = co_await Begin(service, statement, id);
  if (!result.ok()) co_return result.error();
  std::string bytes;
  for (;;) {
    const Result<std::string> more = co_await (*result)->Next();
    if (!more.ok()) co_return more.error();
    bytes += *more;
    if (more->empty() || (*result)->IsComplete()) co_return bytes;
  }
}

// Reads until an error, and returns it.
asio::awaitable<std::string> ReadUntilError(std::shared_ptr<ResultStream> result) {
  for (;;) {
    const Result<std::string> more = co_await result->Next();
    if (!more.ok()) co_return more.error().message;
    if (more->empty()) co_return "no error";
  }
}

// Destroys the last reference on the query's executor, as a wire does.
void Destroy(std::shared_ptr<ResultStream> result) {
  ASSERT_EQ(result.use_count(), 1);
  const asio::any_io_executor executor = result->query().executor();
  std::promise<void> done;
  asio::post(executor, [&] {
    result.reset();
    done.set_value();
  });
  done.get_future().wait();
}

class EngineSupervisorTest : public testing::Test {
 protected:
  const fs::path folder = fs::path(testing::TempDir()) / ("tarn-supervisor-" + RandomId());
  Metrics metrics;
  IoThreads io{2};
  EngineOptions options;
  QueryService::Options query_options;
  std::mutex mutex;
  protocol::Credentials credentials;  // guarded by mutex
  std::unique_ptr<EnginePool> engines;
  EngineSupervisor* engine = nullptr;  // The first one.
  std::unique_ptr<QueryService> service;
  std::atomic<int> queries = 0;

  EngineSupervisorTest() {
    fs::create_directories(folder);
    WriteOneRow(folder / "one.parquet");
    options.program = TARN_TEST_ENGINE;
    options.setup.store = protocol::ObjectStore::Folder(folder.string());
    options.setup.threads = 2;
    options.setup.memory_limit = 500'000'000;
    options.setup.plan_cache_entries = 10;
    options.setup.log_program = "engine";
    options.setup.log_level = 2;
    options.start_interval = 200ms;
    options.credentials = [this]() -> Result<protocol::Credentials> {
      const std::lock_guard lock(mutex);
      if (credentials.access_key_id == "broken") return Unavailable("no secrets");
      return credentials;
    };
    options.slots = 6;
    query_options = {.admission = {.running_max = 4,
                                   .queue_max = 100,
                                   .queue_timeout = kSoon,
                                   .slow_readers_max = 4},
                     .limits = {.timeout = 2 * kSoon},
                     .whole_bytes_max = 1'000'000,
                     .history_max = 100};
  }
  ~EngineSupervisorTest() override {
    if (service != nullptr) service->registry().CancelAll({ErrorKind::kCancelled, "the end"});
    if (engines != nullptr) engines->Stop();
    fs::remove_all(folder);
  }

  Result<> TryOpen() {
    service = nullptr;
    engines = std::make_unique<EnginePool>(io.io(), options, EnginePool::Limits{}, metrics);
    engine = &engines->first();
    service = std::make_unique<QueryService>(*engines, query_options, metrics);
    return engine->Open();
  }
  void Open() {
    const Result<> opened = TryOpen();
    if (!opened.ok()) throw std::runtime_error(opened.error().message);
  }
  Statement Request(const std::string& sql) const {
    return {.sql = sql, .format = Format::kCsv, .limits = query_options.limits};
  }
  std::future<Result<std::string>> Start(const Statement& request, const std::string& id) {
    return Spawn(io.NewStrand(), Execute(*service, request, id));
  }
  std::future<Result<std::string>> Start(const std::string& sql) {
    return Start(Request(sql), "q" + std::to_string(++queries));
  }
  std::vector<Result<protocol::DatasetSchema>> Probe(const std::vector<ProbeRequest>& requests) {
    std::vector<Result<protocol::DatasetSchema>> outcomes;
    for (PendingProbe& probe : engine->Probe(requests, Deadline::After(2 * kSoon))) {
      outcomes.push_back(probe.answer.get());
    }
    return outcomes;
  }
  uint64_t last_version = 0;

  // The rows as CSV, or "error: …".
  static std::string TextOf(std::future<Result<std::string>>&& future) {
    const Result<std::string> result = Get(future);
    return result.ok() ? *result : "error: " + result.error().message;
  }
  std::string Run(const std::string& sql) { return TextOf(Start(sql)); }
  bool Runs(const std::string& id) {
    return Eventually([&] {
      const auto info = service->registry().Find({id}, *auth::Anonymous());
      return info.ok() && info->state == QueryState::kRunning;
    });
  }
  bool CancelByHand(const std::string& id) {
    return service->registry()
        .Cancel({id}, {ErrorKind::kConflict, "by hand"}, *auth::Anonymous())
        .ok();
  }
  void Apply(std::vector<protocol::ViewSpec> put, std::vector<std::string> drop = {}) {
    ViewChange change{.revision = 1, .drop = std::move(drop)};
    for (protocol::ViewSpec& view : put) {
      view.version = ++last_version;
      change.put.push_back(std::make_shared<const protocol::ViewSpec>(std::move(view)));
    }
    const Result<> applied = engine->Apply(change, Deadline::After(kSoon));
    EXPECT_TRUE(applied.ok()) << applied.error().message;
  }
  bool Replaced(pid_t former) {
    return Eventually([&] {
      const pid_t pid = engine->CurrentPid();
      return pid > 0 && pid != former;
    });
  }
  // Waits until a query runs in the isolated process, and ends that.
  bool EndIsolated(int signal) {
    pid_t pid = -1;
    const bool is_there = Eventually([&] { return (pid = engine->IsolatedPid()) > 0; });
    // Before it is ready, its end is a failure to start.
    return is_there && Eventually([&] {
             if (!IsComputing(pid)) return false;
             kill(pid, signal);
             return true;
           });
  }
  // True when the process has used more than a start takes.
  static bool IsComputing(pid_t pid) {
    std::ifstream stat(fmt::format("/proc/{}/stat", pid));
    std::string field;
    uint64_t user_ticks = 0;
    for (int i = 0; i < 13; ++i) stat >> field;
    stat >> user_ticks;
    return user_ticks > 100;
  }
  static uint64_t ResidentBytes(pid_t pid) {
    uint64_t size = 0;
    uint64_t resident = 0;
    std::ifstream(fmt::format("/proc/{}/statm", pid)) >> size >> resident;
    return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }
  // A program of one line.
  std::string Script(const std::string& line) {
    const fs::path path = folder / "program";
    std::ofstream(path) << "#!/bin/sh\n" << line << "\n";
    chmod(path.c_str(), 0700);
    return path.string();
  }
};

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

TEST_F(EngineSupervisorTest, AResultLargerThanWhatIsHeldArrivesWhole) {
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
  // One that comes while there is no process waits for the next.
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  for (auto& each : running) EXPECT_EQ(TextOf(std::move(each)), "n\r\n42\r\n");
  EXPECT_NE(engine->CurrentPid(), former);
  EXPECT_FALSE(IsThere(former));
}

// Queries that come just then get slots of the process that is gone, until that is known.
TEST_F(EngineSupervisorTest, NoQueryIsRefusedWhenAnIdleProcessIsKilled) {
  Open();
  for (int round = 0; round < 5; ++round) {
    kill(engine->CurrentPid(), SIGKILL);
    std::vector<std::future<Result<std::string>>> many;
    for (int i = 0; i < 8; ++i) many.push_back(Start("SELECT 42 AS x"));
    for (auto& each : many) EXPECT_EQ(TextOf(std::move(each)), "x\r\n42\r\n");
  }
}

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
            "the engine process ended while this query ran, twice; it is not run again");
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  EXPECT_THAT(Run(kEndless), HasSubstr("error: this query ended or broke two engine processes"));
}

// The one that ended the process takes no other with it, and the others lose nothing but time.
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
  // The current process and its queries do not notice the end of that one.
  const pid_t current = engine->CurrentPid();
  auto beside = Start(Request(kEndless), "beside");
  ASSERT_TRUE(Runs("beside"));
  for (auto& each : running) EXPECT_EQ(TextOf(std::move(each)), "n\r\n42\r\n");
  EXPECT_TRUE(Eventually([&] { return engine->IsolatedPid() < 0 && !IsThere(isolated); }))
      << "it ends with the last suspect";
  EXPECT_EQ(engine->CurrentPid(), current);
  ASSERT_TRUE(CancelByHand("beside"));
  EXPECT_EQ(TextOf(std::move(beside)), "error: by hand");
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
  ASSERT_TRUE(CancelByHand("bad"));
  EXPECT_EQ(TextOf(std::move(query)), "error: by hand");
  EXPECT_TRUE(Eventually([&] { return engine->IsolatedPid() < 0; }));
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
}

// The kernel or an operator ended it, which says nothing of the query.
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
  ASSERT_TRUE(CancelByHand("again"));
  EXPECT_EQ(TextOf(std::move(again)), "error: by hand");
}

TEST_F(EngineSupervisorTest, AnEndForTheSharedMemoryIsNotHeldAgainstAQuery) {
  query_options.whole_bytes_max = 1000;
  Open();
  const Statement request = Request("FROM range(100000000)");
  auto begun = Get(Spawn(io.NewStrand(), Begin(*service, request, "cut")));
  ASSERT_TRUE(begun.ok());
  const std::shared_ptr<EngineProcess> process = (*begun)->process();
  EngineMemory memory(1);
  memory.Report(&memory, {{.process = process, .bytes = 2}});
  EXPECT_EQ(process->end_cause(), EndCause::kSharedMemory);
  EXPECT_FALSE(*process->has_crashed());
  EXPECT_EQ(Get(Spawn((*begun)->query().executor(), ReadUntilError(*begun))),
            "the engine process ended before the query did");
  Destroy(std::move(*begun));
  auto again = Get(Spawn(io.NewStrand(), Begin(*service, request, "again")));
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE((*again)->is_isolated());
  Destroy(std::move(*again));
  EXPECT_EQ(EngineSupervisor::LostError(EndCause::kSharedMemory).kind, ErrorKind::kUnavailable);
}

// Else a query could end processes without a bound: its client leaves in time.
TEST_F(EngineSupervisorTest, TheEndOfAProcessCountsAgainstAQueryThatIsCancelledBefore) {
  options.cancel_grace = 10 * kSoon;
  query_options.quarantine.crashes_max = 1;
  Open();
  auto query = Start(Request(kEndless), "bad");
  ASSERT_TRUE(Runs("bad"));
  const pid_t pid = engine->CurrentPid();
  kill(pid, SIGSTOP);
  ASSERT_TRUE(CancelByHand("bad"));
  EXPECT_EQ(TextOf(std::move(query)), "error: by hand");
  kill(pid, SIGSEGV);
  kill(pid, SIGCONT);
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
    return metrics.Render().find("tarn_engine_isolated_starts_total 0\n") == std::string::npos;
  })) << "all queries of the client are suspects";
}

TEST_F(EngineSupervisorTest, TheEndOfAProcessCountsAgainstAQueryThatIsCancelledAfterwards) {
  query_options.quarantine.crashes_max = 1;
  Open();
  auto query = Start(Request(kEndless), "bad");
  ASSERT_TRUE(Runs("bad"));
  kill(engine->CurrentPid(), SIGSEGV);
  ASSERT_TRUE(Eventually([&] { return engine->IsolatedPid() > 0; }));
  ASSERT_TRUE(CancelByHand("bad"));
  EXPECT_EQ(TextOf(std::move(query)), "error: by hand");
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
      std::this_thread::sleep_for(1ms);  // Or the engines do nothing else.
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
  EXPECT_TRUE((*again)->is_isolated());
  EXPECT_EQ((*again)->process()->pid(), engine->IsolatedPid());
  Destroy(std::move(*again));
}

// The queries of the older one have run for longer. Those of the other run again.
TEST_F(EngineSupervisorTest, AtMostOneProcessDrains) {
  Open();
  const pid_t first = engine->CurrentPid();
  auto in_first = Start(Request(kEndless), "first");
  ASSERT_TRUE(Runs("first"));
  engine->Replace("test");
  ASSERT_TRUE(Replaced(first));
  const pid_t second = engine->CurrentPid();
  auto in_second = Start(Request(kEndless), "second");
  ASSERT_TRUE(Runs("second"));
  engine->Replace("test");
  ASSERT_TRUE(Replaced(second));
  EXPECT_TRUE(Eventually([&] { return !IsThere(second); }));
  EXPECT_TRUE(IsThere(first));
  EXPECT_LT(engine->IsolatedPid(), 0) << "its query is not at fault";
  for (const char* id : {"first", "second"}) {
    ASSERT_TRUE(CancelByHand(id));
  }
  EXPECT_EQ(TextOf(std::move(in_first)), "error: by hand");
  EXPECT_EQ(TextOf(std::move(in_second)), "error: by hand");
}

// Others cannot keep it from ending by having processes replaced again and again.
TEST_F(EngineSupervisorTest, AQueryWhoseProcessesAreReplacedRunsInOneOfItsOwn) {
  Open();
  const pid_t first = engine->CurrentPid();
  auto in_first = Start(Request(kEndless), "first");
  ASSERT_TRUE(Runs("first"));
  engine->Replace("test");
  ASSERT_TRUE(Replaced(first));
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
  for (const char* id : {"first", "replaced"}) {
    ASSERT_TRUE(CancelByHand(id));
  }
  EXPECT_EQ(TextOf(std::move(in_first)), "error: by hand");
  EXPECT_EQ(TextOf(std::move(replaced)), "error: by hand");
}

TEST_F(EngineSupervisorTest, AReplacementThatCanWaitComesAfterTheDrain) {
  Open();
  const pid_t first = engine->CurrentPid();
  auto running = Start(Request(kEndless), "running");
  ASSERT_TRUE(Runs("running"));
  engine->Replace("test");
  ASSERT_TRUE(Replaced(first));
  const pid_t second = engine->CurrentPid();
  engine->ReplaceAfterDrain("test");
  EXPECT_TRUE(Eventually(
      [&] { return metrics.Render().find("tarn_engine_draining 1\n") != std::string::npos; }));
  EXPECT_THAT(metrics.Render(), HasSubstr("tarn_engine_starts_total 2\n"));
  EXPECT_EQ(engine->CurrentPid(), second);
  ASSERT_TRUE(CancelByHand("running"));
  EXPECT_EQ(TextOf(std::move(running)), "error: by hand");
  EXPECT_TRUE(Replaced(second));
  const pid_t third = engine->CurrentPid();
  engine->ReplaceAfterDrain("test");
  EXPECT_TRUE(Replaced(third)) << "none drains";
}

// Its query runs again, and the answer that has begun comes to its end.
TEST_F(EngineSupervisorTest, OneWithoutBegunAnswersDrainsForTheShortestTime) {
  query_options.whole_bytes_max = 1000;
  Open();
  const pid_t first = engine->CurrentPid();
  auto begun =
      Get(Spawn(io.NewStrand(), Begin(*service, Request("FROM range(100000000)"), "begun")));
  ASSERT_TRUE(begun.ok());
  engine->Replace("test");
  ASSERT_TRUE(Replaced(first));
  const pid_t second = engine->CurrentPid();
  auto running = Start(Request(kEndless), "running");
  ASSERT_TRUE(Runs("running"));
  engine->Replace("test");
  ASSERT_TRUE(Replaced(second));
  EXPECT_TRUE(Eventually([&] { return !IsThere(second); }));
  EXPECT_TRUE(IsThere(first));
  ASSERT_TRUE(CancelByHand("running"));
  EXPECT_EQ(TextOf(std::move(running)), "error: by hand");
  Destroy(std::move(*begun));
}

TEST_F(EngineSupervisorTest, StartsArePacedWhateverTheirReason) {
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

// Two processes do not fit: the one that drains goes, and its query runs in the other.
TEST_F(EngineSupervisorTest, AllProcessesShareOneMemory) {
  Open();
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  const uint64_t of_one = ResidentBytes(engine->CurrentPid());
  options.memory = std::make_shared<EngineMemory>(of_one * 3 / 2);
  Open();
  const pid_t former = engine->CurrentPid();
  auto running = Start(Request(kEndless), "endless");
  ASSERT_TRUE(Runs("endless"));
  engine->Replace("test");
  ASSERT_TRUE(Replaced(former));
  EXPECT_TRUE(Eventually([&] { return !IsThere(former); }));
  EXPECT_TRUE(IsThere(engine->CurrentPid()));
  ASSERT_TRUE(CancelByHand("endless"));
  EXPECT_EQ(TextOf(std::move(running)), "error: by hand");
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
  ASSERT_TRUE(CancelByHand("endless"));
  EXPECT_EQ(TextOf(std::move(endless)), "error: by hand");
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
  // It runs again, in the process that came.
  EXPECT_TRUE(IsThere(engine->CurrentPid()));
  ASSERT_TRUE(CancelByHand("endless"));
  EXPECT_EQ(TextOf(std::move(running)), "error: by hand");
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

TEST_F(EngineSupervisorTest, ProbesTellEachWhatCameOfIt) {
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

// A revision that brings a key again, which the process may know as another object.
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
  EXPECT_TRUE(put({"one.parquet"}, {})) << "nobody can tell";
  EXPECT_TRUE(put({"one.parquet"}, {"a"})) << "it had no ETag before";
  EXPECT_FALSE(put({"one.parquet"}, {"a"}));
  EXPECT_FALSE(put({"one.parquet", "two.parquet"}, {"a", ""})) << "the second is new";
  EXPECT_TRUE(put({"one.parquet"}, {"b"}));
  EXPECT_FALSE(put({"two.parquet"}, {"x"})) << "the process that knew it has gone";
  Apply({}, {"t"});
  EXPECT_TRUE(put({"one.parquet"}, {"c"})) << "it was known all the same";
}

TEST_F(EngineSupervisorTest, WhatKeepsNothingOfObjectsIsNotReplaced) {
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
  // Where the process was gone already, the next one took it.
  if (!outcomes[0].ok()) {
    EXPECT_EQ(outcomes[0].error().kind, ErrorKind::kCancelled) << "and is begun again";
    EXPECT_EQ(outcomes[0].error().message, "the engine process ended");
  }
  Get(change);
  EXPECT_EQ(Run("FROM t"), "id\r\n1\r\n") << "the next process knows of it";
}

TEST_F(EngineSupervisorTest, AProgramThatIsNotThereIsNamed) {
  options.program = (folder / "nothing").string();
  const Result<> opened = TryOpen();
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message, testing::StartsWith("cannot start " + options.program));
}

TEST_F(EngineSupervisorTest, AProgramThatEndsAtOnceSaysHow) {
  options.program = Script("exit 3");
  const Result<> opened = TryOpen();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().message, "the engine ended while it started: exit status 3");
}

TEST_F(EngineSupervisorTest, AProgramThatIsKilledSaysHow) {
  options.program = Script("kill -SEGV $$");
  const Result<> opened = TryOpen();
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message, HasSubstr("killed by signal 11"));
}

TEST_F(EngineSupervisorTest, AProgramThatSaysNothingIsEnded) {
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

TEST_F(EngineSupervisorTest, AnEngineThatCannotSetUpSaysWhy) {
  options.setup.httpfs_path = (folder / "one.parquet").string();
  options.setup.store.is_folder = false;
  const Result<> opened = TryOpen();
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message, HasSubstr("load httpfs"));
}

TEST_F(EngineSupervisorTest, StopLeavesNoProcessAndEndsQueries) {
  Open();
  const pid_t former = engine->CurrentPid();
  auto running = Start(Request(kEndless), "endless");
  ASSERT_TRUE(Runs("endless"));
  engine->Replace("test");
  ASSERT_TRUE(Replaced(former));
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

TEST_F(EngineSupervisorTest, ACancelEndsAQueryWhereItRuns) {
  options.slots = 1;
  Open();
  const pid_t pid = engine->CurrentPid();
  auto running = Start(Request(kEndless), "endless");
  ASSERT_TRUE(Runs("endless"));
  auto waiting = Start(Request(kEndless), "waiting");  // For the one slot.
  ASSERT_TRUE(Eventually([&] {
    return service->registry()
        .Cancel({"waiting"}, {ErrorKind::kConflict, "waits"}, *auth::Anonymous())
        .ok();
  }));
  EXPECT_EQ(TextOf(std::move(waiting)), "error: waits");
  ASSERT_TRUE(service->registry()
                  .Cancel({"endless"}, {ErrorKind::kConflict, "runs"}, *auth::Anonymous())
                  .ok());
  EXPECT_EQ(TextOf(std::move(running)), "error: runs");
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  EXPECT_EQ(engine->CurrentPid(), pid);
}

TEST_F(EngineSupervisorTest, AProcessWhoseQueryDoesNotEndIsReplaced) {
  options.cancel_grace = 200ms;
  query_options.limits.timeout = 300ms;
  Open();
  const pid_t former = engine->CurrentPid();
  kill(former, SIGSTOP);
  EXPECT_EQ(Run("SELECT 42"), "error: timed out after 300 ms");
  EXPECT_TRUE(Replaced(former));
  EXPECT_TRUE(Eventually([&] { return !IsThere(former); }));
  query_options.limits.timeout = kSoon;
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
}

// The process takes only a part of its text: the query must end nonetheless.
TEST_F(EngineSupervisorTest, AQueryThatIsNotTakenCanBeCancelled) {
  options.cancel_grace = 200ms;
  query_options.limits.timeout = 300ms;
  Open();
  const pid_t former = engine->CurrentPid();
  kill(former, SIGSTOP);
  EXPECT_EQ(Run("SELECT '" + std::string(10'000'000, 'x') + "'"), "error: timed out after 300 ms");
  EXPECT_TRUE(Replaced(former));
  EXPECT_TRUE(Eventually([&] { return !IsThere(former); }));
}

TEST_F(EngineSupervisorTest, ATextThatIsCancelledHalfSentLeavesItsSlotUsable) {
  options.slots = 1;
  options.cancel_grace = 10 * kSoon;
  Open();
  const pid_t pid = engine->CurrentPid();
  kill(pid, SIGSTOP);
  auto query = Start(Request("SELECT '" + std::string(10'000'000, 'x') + "'"), "large");
  ASSERT_TRUE(Runs("large"));
  ASSERT_TRUE(CancelByHand("large"));
  EXPECT_EQ(TextOf(std::move(query)), "error: by hand");
  kill(pid, SIGCONT);
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  EXPECT_EQ(engine->CurrentPid(), pid);
}

// Its reader does not come back, and holds the answer: the slot must not be held with it.
TEST_F(EngineSupervisorTest, ACancelFreesTheSlotOfAnAnswerThatIsNotRead) {
  options.slots = 1;
  options.cancel_grace = 10 * kSoon;
  query_options.whole_bytes_max = 1000;
  query_options.admission.running_max = 1;
  Open();
  auto begun = Get(Spawn(io.NewStrand(), Begin(*service, Request("FROM range(100000000)"), "big")));
  ASSERT_TRUE(begun.ok());
  ASSERT_FALSE((*begun)->IsComplete());
  ASSERT_TRUE(service->registry()
                  .Cancel({"big"}, {ErrorKind::kTimeout, "too late"}, *auth::Anonymous())
                  .ok());
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  Destroy(std::move(*begun));
}

asio::awaitable<std::string> CancelWithTheLastWord(EngineSupervisor& engine, IoThreads& io) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto query =
      std::make_shared<Query>(executor, QueryInfo{.id = "q"}, auth::Anonymous(), kSoon);
  Result<EngineProcess::Lease> lease = co_await engine.TakeSlot(*query);
  if (!lease.ok()) co_return lease.error().message;
  const int descriptor = lease->slot().socket.native_handle();
  EngineQuery engine_query(engine, query, Admission::Permit(), std::move(*lease));
  // An answer of nothing but its last word.
  protocol::Query message;
  message.sql = "SELECT error(count(*)::VARCHAR) FROM range(20000000)";
  const bool sent = co_await engine_query.Send(message);
  if (!sent) co_return "not sent";
  const auto unread = [descriptor] {
    int bytes = 0;
    ioctl(descriptor, FIONREAD, &bytes);
    return bytes;
  };
  // The strand is held until the other thread has read the answer, so that the coroutine goes on
  // with it only after the cancel, which is before it in the strand's queue.
  asio::post(executor, [&io, unread] {
    EXPECT_TRUE(Eventually([&] { return unread() > 0; }));
    io.AddThread();
    EXPECT_TRUE(Eventually([&] { return unread() == 0; }));
  });
  query->Cancel({ErrorKind::kCancelled, "cancelled with the last word"});
  const EngineEvent event = co_await engine_query.Next();
  const auto* error = std::get_if<Error>(&event);
  co_return error == nullptr ? "no error" : error->message;
}

TEST_F(EngineSupervisorTest, ACancelThatComesWithTheLastWordFreesTheSlot) {
  options.slots = 1;
  options.cancel_grace = 10 * kSoon;
  Open();
  // A second io_context would not do: the one that reads the slot is the engine's. So all of its
  // threads but one are held meanwhile.
  std::promise<void> go_on;
  std::promise<void> held;
  asio::post(io.io(), [&held, future = go_on.get_future().share()] {
    held.set_value();
    future.wait();
  });
  Get(held.get_future());
  EXPECT_EQ(Get(Spawn(io.NewStrand(), CancelWithTheLastWord(*engine, io))),
            "cancelled with the last word");
  go_on.set_value();
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
}

TEST_F(EngineSupervisorTest, CancelsAtAnyTimeLoseNoSlot) {
  options.slots = 3;
  options.cancel_grace = 10 * kSoon;
  query_options.admission.running_max = 3;
  Open();
  const pid_t pid = engine->CurrentPid();
  std::vector<std::future<Result<std::string>>> many;
  for (int i = 0; i < 60; ++i) {
    Statement request = Request("SELECT count(*) FROM range(300000)");
    request.limits.timeout = std::chrono::microseconds(200 * i);
    many.push_back(Start(request, fmt::format("c{}", i)));
  }
  for (auto& each : many) [[maybe_unused]]
    const Result<std::string> result = Get(each);
  std::vector<std::future<Result<std::string>>> all;
  for (int i = 0; i < 3; ++i) all.push_back(Start("SELECT 42 AS x"));
  for (auto& each : all) EXPECT_EQ(TextOf(std::move(each)), "x\r\n42\r\n");
  EXPECT_EQ(engine->CurrentPid(), pid);
}

TEST_F(EngineSupervisorTest, TheSameIdTwiceAtOnceIsRefused) {
  Open();
  auto running = Start(Request(kEndless), "same");
  ASSERT_TRUE(Runs("same"));
  const Result<std::string> second = Get(Start(Request("SELECT 1"), "same"));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  ASSERT_TRUE(CancelByHand("same"));
  EXPECT_EQ(TextOf(std::move(running)), "error: by hand");
}

}  // namespace
}  // namespace tarn::queryd
