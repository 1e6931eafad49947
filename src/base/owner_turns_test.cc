#include "base/owner_turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace tarn {
namespace {

using testing::ElementsAre;

std::vector<std::string> PopAll(OwnerTurns<std::string>& turns) {
  std::vector<std::string> items;
  while (!turns.empty()) items.push_back(turns.Pop());
  return items;
}

TEST(OwnerTurns, TakesOneItemOfEachOwner) {
  OwnerTurns<std::string> turns;
  for (const char* item : {"a1", "a2", "a3", "a4"}) turns.Push("a", item);
  turns.Push("b", "b1");
  for (const char* item : {"c1", "c2"}) turns.Push("c", item);
  EXPECT_THAT(PopAll(turns), ElementsAre("a1", "b1", "c1", "a2", "c2", "a3", "a4"));
}

TEST(OwnerTurns, AnOwnerThatComesLaterWaitsForOneItemOfEachOther) {
  OwnerTurns<std::string> turns;
  for (int i = 0; i < 1000; ++i) turns.Push("a", "a");
  turns.Pop();
  turns.Push("b", "b");
  EXPECT_EQ(turns.Pop(), "a");
  EXPECT_EQ(turns.Pop(), "b");
}

TEST(OwnerTurns, RemovesItems) {
  OwnerTurns<std::string> turns;
  for (const char* item : {"a1", "a2"}) turns.Push("a", item);
  turns.Push("b", "b1");
  turns.Remove("a", "a1");
  turns.Remove("a", "b1");
  turns.Remove("b", "b1");
  turns.Remove("c", "c1");
  EXPECT_EQ(turns.size(), 1U);
  EXPECT_THAT(PopAll(turns), ElementsAre("a2"));
  EXPECT_TRUE(turns.empty());
}

TEST(MayUseOneMore, LeavesPlacesForOtherOwners) {
  const auto most = [](size_t used_by_others) {
    size_t own = 0;
    while (MayUseOneMore("a", own, used_by_others + own, 32)) ++own;
    return own;
  };
  EXPECT_EQ(most(0), 24U);
  EXPECT_EQ(most(24), 6U);
  EXPECT_EQ(most(30), 2U);
  EXPECT_EQ(most(32), 0U);
  EXPECT_TRUE(MayUseOneMore("a", 0, 31, 32));
}

TEST(MayUseOneMore, LetsTheOnlyOwnerOfAServerWithoutTokensUseAll) {
  EXPECT_TRUE(MayUseOneMore("", 31, 31, 32));
  EXPECT_FALSE(MayUseOneMore("", 32, 32, 32));
}

}  // namespace
}  // namespace tarn
