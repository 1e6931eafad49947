#include <sys/ioctl.h>

#include "queryd/execution/engine_query.h"
#include "queryd/execution/test_supervisor.h"

namespace tarn::queryd {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

TEST_F(EngineSupervisorTest, ACancelEndsTheQueryInItsProcess) {
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

// The query must end although the process reads only a part of its text.
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
  EndByHand("large", std::move(query));
  kill(pid, SIGCONT);
  EXPECT_EQ(Run("SELECT 42 AS x"), "x\r\n42\r\n");
  EXPECT_EQ(engine->CurrentPid(), pid);
}

// The reader keeps the result without reading it, and must not keep the slot.
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

asio::awaitable<std::string> CancelWithTheLastFrame(EngineSupervisor& engine, IoThreads& io) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto query =
      std::make_shared<Query>(executor, QueryInfo{.id = "q"}, auth::Anonymous(), kSoon);
  Result<EngineProcess::Lease> lease = co_await engine.TakeSlot(*query);
  if (!lease.ok()) co_return lease.error().message;
  const int descriptor = lease->slot().socket.native_handle();
  EngineQuery engine_query(engine, query, Admission::Permit(), std::move(*lease));
  // The answer of this query has only a last frame.
  protocol::Query message;
  message.sql = "SELECT error(count(*)::VARCHAR) FROM range(20000000)";
  const bool sent = co_await engine_query.Send(message);
  if (!sent) co_return "not sent";
  const auto unread = [descriptor] {
    int bytes = 0;
    ioctl(descriptor, FIONREAD, &bytes);
    return bytes;
  };
  // The strand is blocked until the other thread has read the answer. The cancel is before the
  // answer in the strand's queue, so the coroutine sees the cancel first.
  asio::post(executor, [&io, unread] {
    EXPECT_TRUE(Eventually([&] { return unread() > 0; }));
    io.AddThread();
    EXPECT_TRUE(Eventually([&] { return unread() == 0; }));
  });
  query->Cancel({ErrorKind::kCancelled, "cancelled with the last frame"});
  const ProcessEvent event = co_await engine_query.Next();
  const auto* error = std::get_if<Error>(&event);
  co_return error == nullptr ? "no error" : error->message;
}

TEST_F(EngineSupervisorTest, ACancelWithTheLastFrameFreesTheSlot) {
  options.slots = 1;
  options.cancel_grace = 10 * kSoon;
  Open();
  // The engine's io_context reads the slot, so all of its threads but one are held meanwhile.
  std::promise<void> go_on;
  std::promise<void> held;
  asio::post(io.io(), [&held, future = go_on.get_future().share()] {
    held.set_value();
    future.wait();
  });
  Get(held.get_future());
  EXPECT_EQ(Get(Spawn(io.NewStrand(), CancelWithTheLastFrame(*engine, io))),
            "cancelled with the last frame");
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
  EndByHand("same", std::move(running));
}

}  // namespace
}  // namespace tarn::queryd
