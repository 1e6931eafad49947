#include "engine/views/probe_memory.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>

namespace tarn::engine {
namespace {

TEST(ProbeMemoryTest, TakesFootersUntilTheLimitIsReached) {
  const auto memory = std::make_shared<ProbeMemory>(1'000'000);
  const auto first = memory->TakeForFooter(30'000);
  auto second = memory->TakeForFooter(30'000);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(memory->TakeForFooter(30'000));
  second.reset();
  EXPECT_TRUE(memory->TakeForFooter(30'000));
}

TEST(ProbeMemoryTest, TakesAFooterBeyondTheLimitAlone) {
  const auto memory = std::make_shared<ProbeMemory>(1'000'000);
  auto wide = memory->TakeForFooter(1'000'000);
  ASSERT_TRUE(wide);
  EXPECT_FALSE(memory->TakeForFooter(1));
  wide.reset();
  EXPECT_TRUE(memory->TakeForFooter(1));
}

TEST(ProbeMemoryTest, ResultsLeaveLessForFooters) {
  const auto memory = std::make_shared<ProbeMemory>(1'000'000);
  const auto footer = memory->TakeForFooter(1'000);
  std::optional<ProbeMemory::Share> result = memory->Hold(500'000);
  EXPECT_FALSE(memory->IsFull());
  EXPECT_FALSE(memory->TakeForFooter(50'000));
  const ProbeMemory::Share more = memory->Hold(1);
  EXPECT_TRUE(memory->IsFull());
  result.reset();
  EXPECT_FALSE(memory->IsFull());
  EXPECT_TRUE(memory->TakeForFooter(50'000));
}

TEST(ProbeMemoryTest, CountsAMovedShareOnce) {
  const auto memory = std::make_shared<ProbeMemory>(1'000'000);
  ProbeMemory::Share share = memory->Hold(600'000);
  {
    const ProbeMemory::Share moved = std::move(share);
    EXPECT_TRUE(memory->IsFull());
  }
  EXPECT_FALSE(memory->IsFull());
}

}  // namespace
}  // namespace tarn::engine
