#include "queryd/query/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <random>

#include "queryd/query/test_admission.h"

namespace tarn::queryd {
namespace {

TEST_F(AdmissionTest, QueuesQueriesBeyondTheConcurrencyLimit) {
  Admission admission({.running_max = 2, .queue_max = 1, .queue_timeout = 1h});
  const Result<Permit> first = Get(Enter(admission));
  Result<Permit> second = Get(Enter(admission));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(admission.running(), 2U);
  auto third = Queue(admission, New());
  EXPECT_FALSE(IsReady(third));
  second->Release();
  const Result<Permit> entered = Get(third);
  EXPECT_TRUE(entered.ok());
  EXPECT_EQ(admission.running(), 2U);
  EXPECT_EQ(admission.queued(), 0U);
}

TEST_F(AdmissionTest, RunsQueriesInTheOrderOfArrival) {
  Admission admission({.running_max = 1, .queue_max = 10, .queue_timeout = 1h});
  Result<Permit> running = Get(Enter(admission));
  std::vector<std::future<Result<Permit>>> waiting;
  for (int i = 0; i < 5; ++i) waiting.push_back(Queue(admission, New()));
  for (size_t i = 0; i < waiting.size(); ++i) {
    for (size_t j = i; j < waiting.size(); ++j) EXPECT_FALSE(IsReady(waiting[j])) << i << " " << j;
    running->Release();
    running = Get(waiting[i]);
    ASSERT_TRUE(running.ok());
    EXPECT_EQ(admission.running(), 1U);
  }
}

TEST_F(AdmissionTest, RefusesQueriesBeyondTheQueueLimit) {
  Admission admission({.running_max = 1, .queue_max = 1, .queue_timeout = 1h});
  Result<Permit> running = Get(Enter(admission));
  auto waiting = Queue(admission, New());
  const Result<Permit> refused = Get(Enter(admission));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(refused.error().message, "too many queries: 1 run and 1 wait, try again later");
  EXPECT_FALSE(IsReady(waiting));
  running->Release();
  EXPECT_TRUE(Get(waiting).ok());
}

TEST_F(AdmissionTest, TheWaitIsBounded) {
  Admission admission({.running_max = 1, .queue_max = 5, .queue_timeout = 20ms});
  Result<Permit> running = Get(Enter(admission));
  const Result<Permit> late = Get(Enter(admission));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(late.error().message, "too many queries: none of 1 ended within 20ms, try again later");
  EXPECT_EQ(admission.queued(), 0U);
  running->Release();
  EXPECT_EQ(admission.running(), 0U) << "the slot went to the query that timed out";
  EXPECT_TRUE(Get(Enter(admission)).ok());
}

TEST_F(AdmissionTest, ACancelEndsTheWait) {
  Admission admission({.running_max = 1, .queue_max = 5, .queue_timeout = 1h});
  Result<Permit> running = Get(Enter(admission));
  const auto query = New();
  auto cancelled = Queue(admission, query);
  auto behind = Queue(admission, New());
  query->Cancel({ErrorKind::kConflict, "by hand"});
  const Result<Permit> outcome = Get(cancelled);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(outcome.error().message, "by hand");
  EXPECT_EQ(admission.queued(), 1U);
  running->Release();
  EXPECT_TRUE(Get(behind).ok());
}

TEST_F(AdmissionTest, AFreeSlotGoesToAQueuedQueryFirst) {
  Admission admission({.running_max = 1, .queue_max = 5, .queue_timeout = 1h});
  Result<Permit> running = Get(Enter(admission));
  auto waiting = Queue(admission, New());
  running->Release();  // The slot is granted at once, before the coroutine of the query runs.
  EXPECT_EQ(admission.running(), 1U);
  auto coming = Enter(admission);
  Result<Permit> entered = Get(waiting);
  ASSERT_TRUE(entered.ok());
  EXPECT_TRUE(Eventually([&] { return admission.queued() == 1; }));
  EXPECT_FALSE(IsReady(coming));
  entered->Release();
  EXPECT_TRUE(Get(coming).ok());
}

TEST_F(AdmissionTest, APermitCanBeMovedAndIsGivenBackOnce) {
  Admission admission({.running_max = 2, .queue_max = 0, .queue_timeout = 1h});
  Result<Permit> first = Get(Enter(admission));
  Result<Permit> second = Get(Enter(admission));
  {
    Permit moved = std::move(*first);
    first->Release();
    EXPECT_EQ(admission.running(), 2U);
    moved = std::move(*second);  // Assignment swaps: the first goes back with `second`.
    EXPECT_EQ(admission.running(), 2U);
  }
  EXPECT_EQ(admission.running(), 1U);
  second->Release();
  second->Release();
  EXPECT_EQ(admission.running(), 0U);
}

// The strand is held, so that its coroutine sees both at once.
TEST_F(AdmissionTest, ACancelAtTheTimeOfAGrantLosesNoSlot) {
  Admission admission({.running_max = 1, .queue_max = 5, .queue_timeout = 1h});
  Result<Permit> running = Get(Enter(admission));
  const auto query = New();
  auto waiting = Queue(admission, query);
  std::promise<void> go_on;
  asio::post(query->executor(), [future = go_on.get_future().share()] { future.wait(); });
  query->Cancel({ErrorKind::kCancelled, "gone"});
  running->Release();
  auto behind = Queue(admission, New());
  go_on.set_value();
  {
    const Result<Permit> both = Get(waiting);
    EXPECT_TRUE(both.ok()) << "it has the slot, and the query has the reason";
  }
  EXPECT_TRUE(Get(behind).ok());
  EXPECT_EQ(admission.running(), 0U);
}

TEST_F(AdmissionTest, AFreeSlotGoesToTheTokenWithTheFewestSlots) {
  Admission admission({.running_max = 3, .queue_max = 100, .queue_timeout = 1h});
  const User red = Token("red");
  const User blue = Token("blue");
  std::vector<Result<Permit>> reds;
  for (int i = 0; i < 3; ++i) reds.push_back(Get(Enter(admission, New(red))));
  auto more_red = Queue(admission, New(red));
  auto first_blue = Queue(admission, New(blue));
  auto second_blue = Queue(admission, New(blue));
  reds[0]->Release();
  const Result<Permit> first = Get(first_blue);
  EXPECT_TRUE(first.ok());
  reds[1]->Release();  // One of each runs: it is red's turn after blue's.
  const Result<Permit> second = Get(more_red);
  EXPECT_TRUE(second.ok());
  reds[2]->Release();
  EXPECT_TRUE(Get(second_blue).ok());
}

TEST_F(AdmissionTest, LimitsTheSlotsAndTheQueueOfEachToken) {
  Admission admission({.running_max = 3,
                       .queue_max = 100,
                       .queue_timeout = 1h,
                       .token_running_max = 2,
                       .token_queue_max = 1});
  const User red = Token("red");
  Result<Permit> first = Get(Enter(admission, New(red)));
  const Result<Permit> second = Get(Enter(admission, New(red)));
  auto third = Queue(admission, New(red));
  EXPECT_FALSE(IsReady(third)) << "a slot is free, and not for red";
  const Result<Permit> fourth = Get(Enter(admission, New(red)));
  ASSERT_FALSE(fourth.ok());
  EXPECT_EQ(fourth.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(fourth.error().message,
            "too many queries of token \"red\": 2 run and 1 wait, try again later");
  {
    const Result<Permit> blue = Get(Enter(admission, New(Token("blue"))));
    EXPECT_TRUE(blue.ok());
  }
  EXPECT_FALSE(IsReady(third));
  first->Release();
  EXPECT_TRUE(Get(third).ok());
}

TEST_F(AdmissionTest, TheErrorNamesATokenAtItsLimit) {
  Admission admission(
      {.running_max = 2, .queue_max = 100, .queue_timeout = 20ms, .token_running_max = 1});
  const User red = Token("red");
  const Result<Permit> running = Get(Enter(admission, New(red)));
  EXPECT_EQ(Get(Enter(admission, New(red))).error().message,
            "too many queries of token \"red\": none of 1 ended within 20ms, try again later");
}

TEST_F(AdmissionTest, QueriesWithoutATokenHaveAllSlots) {
  Admission admission({.running_max = 2,
                       .queue_max = 2,
                       .queue_timeout = 1h,
                       .token_running_max = 1,
                       .token_queue_max = 1});
  Result<Permit> first = Get(Enter(admission));
  Result<Permit> second = Get(Enter(admission));
  ASSERT_TRUE(first.ok() && second.ok());
  auto third = Queue(admission, New());
  auto fourth = Queue(admission, New());
  first->Release();
  EXPECT_TRUE(Get(third).ok());
  second->Release();
  EXPECT_TRUE(Get(fourth).ok());
}

TEST_F(AdmissionTest, TheOnlyTokenThatMayQueryHasAllSlots) {
  Admission admission(
      {.running_max = 2, .queue_max = 2, .queue_timeout = 1h, .token_running_max = 1});
  const User sole = std::make_shared<const auth::Identity>(
      auth::Identity{.name = "red", .roles = {}, .datasets = {}, .is_sole_query_token = true});
  const Result<Permit> first = Get(Enter(admission, New(sole)));
  const Result<Permit> second = Get(Enter(admission, New(sole)));
  EXPECT_TRUE(first.ok() && second.ok());
}

TEST_F(AdmissionTest, AFullQueueAcceptsAQueryOfATokenWithFewer) {
  Admission admission({.running_max = 1, .queue_max = 3, .queue_timeout = 1h});
  const User red = Token("red");
  const User blue = Token("blue");
  Result<Permit> running = Get(Enter(admission, New(red)));
  std::vector<std::future<Result<Permit>>> reds;
  for (int i = 0; i < 3; ++i) reds.push_back(Queue(admission, New(red)));
  auto first_blue = Enter(admission, New(blue));
  const Result<Permit> evicted = Get(reds[2]);
  ASSERT_FALSE(evicted.ok());
  EXPECT_EQ(evicted.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(evicted.error().message, "too many queries: 1 run and 2 wait, try again later");
  EXPECT_EQ(admission.queued(), 3U);
  EXPECT_FALSE(Get(Enter(admission, New(blue))).ok()) << "blue would have as many as red";
  EXPECT_FALSE(Get(Enter(admission, New(red))).ok());
  running->Release();
  EXPECT_TRUE(Get(first_blue).ok());
  EXPECT_TRUE(Get(reds[0]).ok());
  EXPECT_TRUE(Get(reds[1]).ok());
}

// The token of the evicted query has no other query, and is forgotten before the coroutine runs.
TEST_F(AdmissionTest, ATokenOfLowWeightCanLoseItsOnlyQueuedQuery) {
  Admission admission({.running_max = 1, .queue_max = 1, .queue_timeout = 1h});
  Result<Permit> running = Get(Enter(admission));
  auto light = Queue(admission, New(Token("light")));
  auto heavy = Enter(admission, New(Token("heavy", 3)));
  EXPECT_FALSE(Get(light).ok());
  EXPECT_EQ(admission.queued(), 1U);
  running->Release();
  EXPECT_TRUE(Get(heavy).ok());
}

TEST_F(AdmissionTest, SlowReadersGiveUpTheirSlotsWithinLimits) {
  Admission admission({.running_max = 2,
                       .queue_max = 10,
                       .queue_timeout = 1h,
                       .slow_readers_max = 2,
                       .token_slow_readers_max = 1});
  const User red = Token("red");
  const auto enter = [&](const User& user) {
    auto query = New(user);
    Result<Permit> permit = Get(Enter(admission, query));
    EXPECT_TRUE(permit.ok());
    return std::pair(std::move(query), std::move(*permit));
  };
  auto [first_query, first] = enter(red);
  auto [second_query, second] = enter(red);
  first.NoteSlowReader(first_query);
  first.NoteSlowReader(first_query);
  EXPECT_EQ(admission.running(), 1U);
  second.NoteSlowReader(second_query);
  EXPECT_EQ(admission.running(), 1U) << "red has one slow reader already";
  auto [third_query, third] = enter(Token("blue"));
  third.NoteSlowReader(third_query);
  EXPECT_EQ(admission.running(), 1U);
  first.Release();
  EXPECT_EQ(admission.running(), 1U) << "the slot was given up before";
  third.Release();
  second.Release();
  EXPECT_EQ(admission.running(), 0U);
}

TEST_F(AdmissionTest, ASlowReaderThatKeepsItsSlotIsCancelledForATokenWithFewer) {
  Admission admission({.running_max = 2, .queue_max = 10, .queue_timeout = 1h});
  const User red = Token("red");
  const auto slow_query = New(red);
  Result<Permit> slow = Get(Enter(admission, slow_query));
  Result<Permit> other = Get(Enter(admission, New(red)));
  slow->NoteSlowReader(slow_query);
  auto own = Queue(admission, New(red));
  auto blue = Queue(admission, New(Token("blue")));
  Get(Spawn(slow_query->executor(), []() -> asio::awaitable<void> { co_return; }()));
  ASSERT_TRUE(slow_query->cancel_reason());
  EXPECT_EQ(slow_query->cancel_reason()->message,
            "the reader is slow and other queries wait, read faster");
  slow->Release();
  const Result<Permit> blues = Get(blue);
  EXPECT_TRUE(blues.ok());
  EXPECT_FALSE(IsReady(own)) << "red has a slot still";
  other->Release();
  EXPECT_TRUE(Get(own).ok());
}

TEST_F(AdmissionTest, ASlowReaderOfATokenWithNoMoreSlotsIsLeftAlone) {
  Admission admission({.running_max = 2, .queue_max = 10, .queue_timeout = 1h});
  const User red = Token("red");
  const User blue = Token("blue");
  const auto slow_query = New(red);
  Result<Permit> slow = Get(Enter(admission, slow_query));
  Result<Permit> running = Get(Enter(admission, New(blue)));
  slow->NoteSlowReader(slow_query);
  auto waiting = Queue(admission, New(blue));
  auto own = Queue(admission, New(red));
  running->Release();
  EXPECT_TRUE(Get(waiting).ok());
  EXPECT_TRUE(Get(own).ok());
  EXPECT_FALSE(slow_query->cancel_reason());
}

asio::awaitable<void> EnterAndKeep(Admission& admission, std::shared_ptr<Query> query) {
  const Result<Permit> permit = co_await admission.Enter(*query);
}

TEST(Admission, ACoroutineThatIsDestroyedWhileItWaitsLeavesNothingBehind) {
  Admission admission({.running_max = 1, .queue_max = 5, .queue_timeout = 1h});
  IoThreads io(1);
  const auto other = NewQuery(io.NewStrand());
  Result<Permit> running = Get(Spawn(other->executor(), EnterWith(admission, other)));
  auto doomed = std::make_unique<asio::io_context>();
  for (int i = 0; i < 2; ++i) {
    asio::co_spawn(*doomed, EnterAndKeep(admission, NewQuery(doomed->get_executor())),
                   asio::detached);
    doomed->poll();
  }
  ASSERT_EQ(admission.queued(), 2U);
  running->Release();  // The first waiting query has the slot now, but its coroutine never runs.
  ASSERT_EQ(admission.running(), 1U);
  doomed = nullptr;
  EXPECT_EQ(admission.queued(), 0U);
  EXPECT_EQ(admission.running(), 0U);
}

struct Load {
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<int> entered = 0;
  std::atomic<int> refused = 0;
};

asio::awaitable<void> EnterOftenAndLeave(Admission& admission, asio::any_io_executor executor,
                                         Load& load, unsigned seed) {
  std::mt19937 random(seed);
  for (int i = 0; i < 50; ++i) {
    const auto query = NewQuery(executor);
    if (random() % 4 == 0) query->Cancel({ErrorKind::kCancelled, "gone"});
    const Result<Permit> permit = co_await admission.Enter(*query);
    if (!permit.ok()) {
      ++load.refused;
      continue;
    }
    ++load.entered;
    const int inside = ++load.inside;
    int most = load.most;
    while (inside > most && !load.most.compare_exchange_weak(most, inside)) {
    }
    if (random() % 2 == 0) co_await asio::post(executor, asio::use_awaitable);
    --load.inside;
  }
}

TEST(Admission, HoldsItsBoundUnderManyThreads) {
  constexpr int kCoroutines = 100;
  Admission admission({.running_max = 3, .queue_max = 60, .queue_timeout = 1h});
  Load load;
  IoThreads io(4);
  std::vector<std::future<void>> ends;
  for (unsigned i = 0; i < kCoroutines; ++i) {
    const asio::any_io_executor strand = io.NewStrand();
    ends.push_back(Spawn(strand, EnterOftenAndLeave(admission, strand, load, i)));
  }
  for (std::future<void>& end : ends) Get(end);
  EXPECT_EQ(load.entered + load.refused, kCoroutines * 50);
  EXPECT_GT(load.entered, 0);
  EXPECT_LE(load.most, 3);
  EXPECT_EQ(admission.running(), 0U);
  EXPECT_EQ(admission.queued(), 0U);
}

}  // namespace
}  // namespace tarn::queryd
