#include "engine/result_channel.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace tarn::engine {
namespace {

QueryEvent Read(ResultChannel& channel) {
  const auto promise = std::make_shared<std::promise<QueryEvent>>();
  auto future = promise->get_future();
  channel.Next([promise](QueryEvent event) { promise->set_value(std::move(event)); });
  return future.get();
}

TEST(ResultChannel, KeepsTheOrder) {
  ResultChannel channel(100);
  EXPECT_TRUE(channel.Write("a"));
  EXPECT_TRUE(channel.Write("b"));
  channel.Finish(QueryEnd{2});
  EXPECT_EQ(std::get<std::string>(Read(channel)), "a");
  EXPECT_EQ(std::get<std::string>(Read(channel)), "b");
  EXPECT_EQ(std::get<QueryEnd>(Read(channel)).rows, 2U);
}

TEST(ResultChannel, ASlowReaderHoldsTheWriterBack) {
  ResultChannel channel(10);
  std::atomic<int> written = 0;
  std::thread writer([&] {
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(channel.Write(std::string(5, 'x')));
      ++written;
    }
    channel.Finish(QueryEnd{});
  });
  int read = 0;
  while (std::holds_alternative<std::string>(Read(channel))) {
    ++read;
    // Two fit, and a third may have been handed over while it waited.
    EXPECT_LE(written - read, 3);
  }
  writer.join();
  EXPECT_EQ(read, 100);
}

TEST(ResultChannel, AChunkLargerThanTheBoundPasses) {
  ResultChannel channel(10);
  EXPECT_TRUE(channel.Write(std::string(1000, 'x')));
  EXPECT_EQ(std::get<std::string>(Read(channel)).size(), 1000U);
}

TEST(ResultChannel, AbandonWakesTheWriter) {
  ResultChannel channel(10);
  EXPECT_TRUE(channel.Write(std::string(10, 'x')));
  auto blocked = std::async(std::launch::async, [&] { return channel.Write("y"); });
  channel.Abandon();
  EXPECT_FALSE(blocked.get());
}

TEST(ResultChannel, TheFirstLastEventStays) {
  ResultChannel channel(10);
  channel.Finish(Error{ErrorKind::kCancelled, "cancelled"});
  channel.Finish(QueryEnd{});
  EXPECT_FALSE(channel.Write("late"));
  EXPECT_EQ(std::get<Error>(Read(channel)).message, "cancelled");
}

}  // namespace
}  // namespace tarn::engine
