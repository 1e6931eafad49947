#include "queryd/query/query.h"

#include <gtest/gtest.h>

#include "queryd/query/test_io.h"

namespace tarn::queryd {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// Runs on the thread of the test. run() returns when no work is left.
class QueryTest : public testing::Test {
 protected:
  asio::io_context io;
  std::shared_ptr<Query> New(Duration timeout = 1h) {
    return std::make_shared<Query>(io.get_executor(), QueryInfo{.id = "q"}, auth::Anonymous(),
                                   timeout);
  }
};

TEST_F(QueryTest, ItsTimeoutNamesTheMilliseconds) {
  for (const auto& [timeout, text] : {std::pair<Duration, const char*>{5ms, "timed out after 5 ms"},
                                      {1500us, "timed out after 2 ms"}}) {
    const auto query = New(timeout);
    query->StartTimeout();
    io.restart();
    io.run();
    ASSERT_TRUE(query->cancel_reason());
    EXPECT_EQ(query->cancel_reason()->kind, ErrorKind::kTimeout);
    EXPECT_EQ(query->cancel_reason()->message, text);
  }
}

TEST_F(QueryTest, TheFirstCancelWins) {
  const auto query = New();
  int called = 0;
  query->OnCancel([&called] { ++called; });
  query->StartTimeout();
  query->Cancel({ErrorKind::kConflict, "first"});
  query->Cancel({ErrorKind::kCancelled, "second"});
  EXPECT_FALSE(query->cancel_reason()) << "only on the executor";
  io.run();  // Ends before the hour has passed: the clock is stopped too.
  ASSERT_TRUE(query->cancel_reason());
  EXPECT_EQ(query->cancel_reason()->message, "first");
  EXPECT_EQ(called, 1);
}

TEST_F(QueryTest, ACancelFunctionMayRemoveItself) {
  const auto query = New();
  const std::string text = "a text that does not fit into the function itself";
  std::string seen;
  query->OnCancel([&seen, query = query.get(), text] {
    query->OnCancel(nullptr);
    seen = text;
  });
  query->Cancel({});
  io.run();
  EXPECT_EQ(seen, text);
}

TEST_F(QueryTest, ARemovedFunctionIsNotCalled) {
  const auto query = New();
  bool called = false;
  query->OnCancel([&called] { called = true; });
  query->OnCancel(nullptr);
  query->Cancel({});
  io.run();
  EXPECT_FALSE(called);
}

TEST_F(QueryTest, ADestroyedQueryDoesNotTimeOut) {
  auto query = New();
  query->StartTimeout();
  const std::weak_ptr<Query> weak = query;
  query = nullptr;
  EXPECT_TRUE(weak.expired());
  io.run();  // Does not wait for the hour.
}

TEST_F(QueryTest, ItsEndStopsTheClock) {
  const auto query = New();
  query->StartTimeout();
  EXPECT_TRUE(query->Finish(ResultSummary{}));
  io.run();
  EXPECT_FALSE(query->cancel_reason());
}

TEST_F(QueryTest, GoesFromQueuedToItsEnd) {
  const auto query = New();
  EXPECT_EQ(query->Info().state, QueryState::kQueued);
  EXPECT_EQ(query->Info().run, Duration::zero());
  while (query->Info().queued == Duration::zero()) {
  }
  query->SetRunning();
  const Duration queued = query->Info().queued;
  EXPECT_GT(queued, Duration::zero());
  EXPECT_EQ(query->Info().state, QueryState::kRunning);
  query->SetProgress(12.5);
  query->SetSent(3, 100);
  query->AddSent(5, 20);
  EXPECT_EQ(query->Info().percent, 12.5);
  EXPECT_EQ(query->Info().rows, 5U);
  EXPECT_EQ(query->Info().bytes, 120U);
  query->SetRunning();  // A second try.
  EXPECT_EQ(query->Info().queued, queued);
  ASSERT_TRUE(query->Finish(ResultSummary{.rows = 7, .truncated = true}));
  query->SetProgress(1);
  query->SetRunning();
  const QueryInfo info = query->Info();
  EXPECT_EQ(info.state, QueryState::kSucceeded);
  EXPECT_EQ(info.percent, 100);
  EXPECT_EQ(info.rows, 7U);
  EXPECT_TRUE(info.truncated);
  EXPECT_EQ(info.error, "");
  EXPECT_EQ(query->Info().run, info.run) << "its clock stands";
  EXPECT_FALSE(query->Finish(Internal("late")));
  EXPECT_EQ(query->Info().state, QueryState::kSucceeded);
}

TEST_F(QueryTest, TheKindOfItsErrorSaysHowItEnded) {
  for (const auto& [kind, state] : {std::pair{ErrorKind::kCancelled, QueryState::kCancelled},
                                    {ErrorKind::kConflict, QueryState::kCancelled},
                                    {ErrorKind::kTimeout, QueryState::kFailed},
                                    {ErrorKind::kInvalidArgument, QueryState::kFailed},
                                    {ErrorKind::kInternal, QueryState::kFailed}}) {
    const auto query = New();
    ASSERT_TRUE(query->Finish(Error{kind, "why"}));
    EXPECT_EQ(query->Info().state, state);
    EXPECT_EQ(query->Info().error, "why");
    EXPECT_FALSE(query->Info().percent);
  }
}

asio::awaitable<void> WaitAndCount(std::shared_ptr<net::Wakeup> wakeup, Deadline deadline,
                                   int& count) {
  co_await wakeup->Wait(deadline);
  ++count;
  co_await wakeup->Wait(deadline);
  ++count;
}

void Discard(const std::exception_ptr&) {}

TEST_F(QueryTest, AWakeBeforeTheWaitIsNotLost) {
  const auto wakeup = std::make_shared<net::Wakeup>(io.get_executor());
  int count = 0;
  wakeup->Wake();
  io.run();
  asio::co_spawn(io, WaitAndCount(wakeup, Deadline::Never(), count), Discard);
  io.restart();
  io.poll();
  EXPECT_EQ(count, 1) << "one wake is for one wait";
  wakeup->Wake();
  io.restart();
  io.run();
  EXPECT_EQ(count, 2);
}

TEST_F(QueryTest, AWaitEndsAtItsDeadline) {
  const auto wakeup = std::make_shared<net::Wakeup>(io.get_executor());
  int count = 0;
  asio::co_spawn(io, WaitAndCount(wakeup, Deadline::After(5ms), count), Discard);
  io.run();
  EXPECT_EQ(count, 2);
}

TEST(Query, CancelsFromManyThreadsHaveOneReason) {
  IoThreads io(3);
  for (int round = 0; round < 50; ++round) {
    const auto query =
        std::make_shared<Query>(io.NewStrand(), QueryInfo{.id = "q"}, auth::Anonymous(), 1ms);
    std::atomic<int> called = 0;
    std::promise<std::string> reason;
    query->OnCancel([&, query = query.get()] {
      ++called;
      reason.set_value(query->cancel_reason()->message);
    });
    query->StartTimeout();
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&query] { query->Cancel({ErrorKind::kCancelled, "thread"}); });
    }
    for (std::thread& thread : threads) thread.join();
    const std::string text = Get(reason.get_future());
    EXPECT_TRUE(text == "thread" || text == "timed out after 1 ms") << text;
    // All functions that were posted before have run, and changed nothing.
    std::promise<void> all;
    asio::post(query->executor(), [&all] { all.set_value(); });
    Get(all.get_future());
    EXPECT_EQ(called, 1);
    EXPECT_EQ(query->cancel_reason()->message, text);
  }
}

}  // namespace
}  // namespace tarn::queryd
