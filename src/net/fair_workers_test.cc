#include "net/fair_workers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

#include "net/test_io.h"

namespace tarn::net {
namespace {

namespace asio = boost::asio;
using testing::ElementsAre;

template <class Function>
asio::awaitable<int> RunOn(FairWorkers& workers, std::string owner, Function function) {
  const Function work = std::move(function);
  const int result = co_await workers.Run(std::move(owner), work);
  co_return result;
}

class FairWorkersTest : public testing::Test {
 protected:
  IoThreads io{2};
  FairWorkers workers{1, "test"};

  template <class Function>
  std::future<int> Run(const std::string& owner, Function function) {
    return Spawn(io.NewStrand(), RunOn(workers, owner, std::move(function)));
  }
  // Queues a call behind all waiting ones.
  template <class Function>
  std::future<int> Queue(const std::string& owner, Function function) {
    const size_t before = workers.queued();
    std::future<int> result = Run(owner, std::move(function));
    EXPECT_TRUE(Eventually([&] { return workers.queued() == before + 1; }));
    return result;
  }
};

TEST_F(FairWorkersTest, ReturnsTheResultOnTheExecutorOfTheCoroutine) {
  const std::thread::id here = std::this_thread::get_id();
  EXPECT_EQ(Get(Run("a", [here] { return std::this_thread::get_id() == here ? 0 : 42; })), 42);
}

TEST_F(FairWorkersTest, ThrowsTheExceptionOfTheFunction) {
  auto failed = Run("a", []() -> int { throw std::runtime_error("it failed"); });
  EXPECT_THROW(Get(failed), std::runtime_error);
  EXPECT_EQ(Get(Run("a", [] { return 1; })), 1) << "the thread goes on";
}

TEST_F(FairWorkersTest, OwnersTakeTurns) {
  std::promise<void> go_on;
  std::vector<std::string> order;  // Written by the only worker thread.
  auto first = Run("red", [future = go_on.get_future().share()] {
    future.wait();
    return 0;
  });
  std::vector<std::future<int>> others;
  const auto queue = [&](const std::string& owner) {
    others.push_back(Queue(owner, [&order, owner] {
      order.push_back(owner);
      return 0;
    }));
  };
  ASSERT_TRUE(Eventually([&] { return workers.queued() == 0; }));
  for (int i = 0; i < 3; ++i) queue("red");
  queue("blue");
  go_on.set_value();
  for (auto& each : others) Get(each);
  Get(first);
  EXPECT_THAT(order, ElementsAre("red", "blue", "red", "red"));
}

}  // namespace
}  // namespace tarn::net
