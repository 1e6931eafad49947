#include "queryd/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <random>

#include "queryd/test_io.h"

namespace tarn::queryd {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Permit = Admission::Permit;

asio::awaitable<Result<Permit>> EnterWith(Admission& admission, std::shared_ptr<Query> query) {
  Result<Permit> permit = co_await admission.Enter(*query);
  co_return permit;
}

std::shared_ptr<Query> NewQuery(const asio::any_io_executor& executor) {
  return std::make_shared<Query>(executor, QueryInfo{.id = "q"}, auth::Anonymous(), 1h);
}

class AdmissionTest : public testing::Test {
 protected:
  IoThreads io{3};

  std::shared_ptr<Query> New() { return NewQuery(io.NewStrand()); }
  static std::future<Result<Permit>> Enter(Admission& admission,
                                           const std::shared_ptr<Query>& query) {
    return Spawn(query->executor(), EnterWith(admission, query));
  }
  std::future<Result<Permit>> Enter(Admission& admission) { return Enter(admission, New()); }
  // One that waits, behind all that wait already.
  std::future<Result<Permit>> Queue(Admission& admission, const std::shared_ptr<Query>& query) {
    const size_t before = admission.queued();
    auto entered = Enter(admission, query);
    EXPECT_TRUE(Eventually([&] { return admission.queued() == before + 1; }));
    return entered;
  }
};

TEST_F(AdmissionTest, AsManyRunAsMayAndTheNextWaits) {
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

TEST_F(AdmissionTest, TheFirstThatCameIsTheFirstThatRuns) {
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

TEST_F(AdmissionTest, MoreThanTheQueueHoldsAreRefused) {
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
  EXPECT_EQ(admission.running(), 0U) << "the place did not go to the one that left";
  EXPECT_TRUE(Get(Enter(admission)).ok());
}

TEST_F(AdmissionTest, ACancelEndsTheWait) {
  Admission admission({.running_max = 1, .queue_max = 5, .queue_timeout = 1h});
  Result<Permit> running = Get(Enter(admission));
  const auto query = New();
  auto cancelled = Queue(admission, query);
  auto behind = Queue(admission, New());
  query->Cancel({ErrorKind::kConflict, "by somebody"});
  const Result<Permit> outcome = Get(cancelled);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(outcome.error().message, "by somebody");
  EXPECT_EQ(admission.queued(), 1U);
  running->Release();
  EXPECT_TRUE(Get(behind).ok());
}

TEST_F(AdmissionTest, APlaceThatIsFreeGoesToTheOneThatWaitsNotToOneThatComes) {
  Admission admission({.running_max = 1, .queue_max = 5, .queue_timeout = 1h});
  Result<Permit> running = Get(Enter(admission));
  auto waiting = Queue(admission, New());
  running->Release();  // Handed over at once, before the one that waits has noticed.
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
TEST_F(AdmissionTest, ACancelAndAPlaceAtTheSameTimeLoseNoPlace) {
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
    EXPECT_TRUE(both.ok()) << "it has the place, and finds the reason in the query";
  }
  EXPECT_TRUE(Get(behind).ok());
  EXPECT_EQ(admission.running(), 0U);
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
  running->Release();  // The first of them has the place now, and never runs to see it.
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
