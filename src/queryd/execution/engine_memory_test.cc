#include "queryd/execution/engine_memory.h"

#include <gtest/gtest.h>

namespace tarn::queryd {
namespace {

using Usage = EngineMemory::Usage;
using Usages = std::vector<Usage>;
using TimePoint = std::chrono::steady_clock::time_point;

TimePoint At(int seconds) { return TimePoint(std::chrono::seconds(seconds)); }

TEST(EngineMemory, EndsTheOldestDrainingProcess) {
  const Usage current{.bytes = 900, .memory_limit = 100, .since = At(1)};
  const Usage old{.bytes = 10, .memory_limit = 100, .is_draining = true, .since = At(2)};
  const Usage older{.bytes = 1, .memory_limit = 100, .is_draining = true, .since = At(1)};
  EXPECT_EQ(EngineMemory::ChooseOne(Usages{current, old, older}), 2U);
  EXPECT_EQ(EngineMemory::ChooseOne(Usages{current, old}), 1U);
}

TEST(EngineMemory, EndsTheProcessFarthestBeyondItsLimit) {
  const Usage large{.bytes = 1000, .memory_limit = 1000, .since = At(1)};
  const Usage greedy{.bytes = 300, .memory_limit = 100, .since = At(2)};
  EXPECT_EQ(EngineMemory::ChooseOne(Usages{large, greedy}), 1U);
  EXPECT_EQ(EngineMemory::ChooseOne(Usages{large}), 0U);
  EXPECT_EQ(EngineMemory::ChooseOne(Usages{}), std::nullopt);
}

}  // namespace
}  // namespace tarn::queryd
