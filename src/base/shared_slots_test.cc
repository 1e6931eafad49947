#include "base/shared_slots.h"

#include <gtest/gtest.h>

#include <vector>

namespace tarn {
namespace {

TEST(SharedSlots, LimitsTheSlotsOfAllTokens) {
  SharedSlots slots(2);
  const SharedSlots::Slot red = slots.Acquire("red");
  SharedSlots::Slot blue = slots.Acquire("blue");
  EXPECT_TRUE(red && blue);
  EXPECT_FALSE(slots.Acquire("green"));
  blue = nullptr;
  EXPECT_TRUE(slots.Acquire("green"));
}

TEST(SharedSlots, GivesHalfToOneToken) {
  SharedSlots slots(5);
  std::vector<SharedSlots::Slot> reds;
  for (int i = 0; i < 3; ++i) reds.push_back(slots.Acquire("red"));
  EXPECT_TRUE(reds.back());
  EXPECT_FALSE(slots.Acquire("red"));
  EXPECT_TRUE(slots.Acquire("blue"));
  reds.pop_back();
  EXPECT_TRUE(slots.Acquire("red"));
}

TEST(SharedSlots, GivesAllToHoldersWithoutAToken) {
  SharedSlots slots(2);
  const SharedSlots::Slot first = slots.Acquire("");
  const SharedSlots::Slot second = slots.Acquire("");
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(slots.Acquire(""));
}

TEST(SharedSlots, ATokenMayHaveTheOnlySlot) {
  SharedSlots slots(1);
  EXPECT_TRUE(slots.Acquire("red"));
}

}  // namespace
}  // namespace tarn
