#include "queryd/datasets/probe_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::queryd {
namespace {

using testing::ElementsAre;
using testing::Optional;
using testing::UnorderedElementsAre;

constexpr auto kFarAway = std::chrono::hours(1);

bool AllOwners(const std::string& /*owner*/) { return true; }

std::vector<std::string> TakeAllNew(ProbeQueue& queue) {
  std::vector<std::string> names;
  while (const auto name = queue.TakeNew(AllOwners)) names.push_back(*name);
  return names;
}

std::vector<std::string> UnreadNames(const ProbeQueue& queue) {
  std::vector<std::string> names;
  queue.VisitUnread([&](const ProbeQueue::Waiting& each) { names.push_back(each.name); });
  return names;
}

TEST(ProbeQueue, TakesTurnsBetweenOwners) {
  ProbeQueue queue;
  for (const char* name : {"a1", "a2", "a3"}) queue.Add({.name = name, .owner = "a"});
  queue.Add({.name = "b1", .owner = "b"});
  EXPECT_TRUE(queue.HasNew());
  EXPECT_THAT(TakeAllNew(queue), ElementsAre("a1", "b1", "a2", "a3"));
  EXPECT_FALSE(queue.HasNew());
}

TEST(ProbeQueue, HasEachDatasetOnce) {
  ProbeQueue queue;
  const auto now = ProbeQueue::Clock::now();
  queue.Add({.name = "a", .owner = "x"});
  queue.Add({.name = "b", .owner = "x"});
  queue.Add({.name = "a", .owner = "x"});
  queue.AddLater({.name = "b", .owner = "x"}, now, /*has_failed=*/true);
  EXPECT_THAT(TakeAllNew(queue), ElementsAre("a"));
  EXPECT_THAT(queue.TakeDue(AllOwners), Optional(std::string("b")));
  queue.Add({.name = "c", .owner = "x"});
  queue.Remove("c");
  queue.Remove("unknown");
  EXPECT_FALSE(queue.Contains("c"));
  EXPECT_FALSE(queue.HasNew());
  EXPECT_EQ(queue.TakeNew(AllOwners), std::nullopt);
}

TEST(ProbeQueue, PrefersDatasetsThatAQueryWaitsFor) {
  ProbeQueue queue;
  for (const char* name : {"a", "b", "c", "d"}) queue.Add({.name = name});
  queue.AddLater({.name = "failed"}, ProbeQueue::Clock::now() + kFarAway, /*has_failed=*/true);
  for (const char* name : {"c", "b", "c", "unknown", "failed"}) queue.Hurry(name);
  queue.Remove("b");
  EXPECT_THAT(queue.TakeHurried(AllOwners), Optional(std::string("c")));
  EXPECT_EQ(queue.TakeHurried(AllOwners), std::nullopt);
  EXPECT_THAT(TakeAllNew(queue), ElementsAre("a", "d"));
}

TEST(ProbeQueue, ReturnsRetriesWhenTheyAreDue) {
  ProbeQueue queue;
  EXPECT_EQ(queue.NextDue(), std::nullopt);
  const auto now = ProbeQueue::Clock::now();
  queue.AddLater({.name = "late"}, now + kFarAway, /*has_failed=*/true);
  EXPECT_EQ(queue.TakeDue(AllOwners), std::nullopt);
  EXPECT_FALSE(queue.HasDue());
  queue.AddLater({.name = "due"}, now, /*has_failed=*/true);
  EXPECT_EQ(queue.NextDue(), now);
  EXPECT_TRUE(queue.HasDue());
  EXPECT_TRUE(queue.NextDue()) << "it is still there";
  EXPECT_THAT(queue.TakeDue(AllOwners), Optional(std::string("due")));
  EXPECT_EQ(queue.NextDue(), now + kFarAway);
  queue.MakeAllDue();
  EXPECT_THAT(queue.TakeDue(AllOwners), Optional(std::string("late")));
}

TEST(ProbeQueue, TakesTurnsBetweenOwnersOfRetries) {
  ProbeQueue queue;
  const auto now = ProbeQueue::Clock::now();
  for (const char* name : {"a1", "a2", "a3"}) {
    queue.AddLater({.name = name, .owner = "a"}, now, /*has_failed=*/true);
  }
  queue.AddLater({.name = "z1", .owner = "z"}, now, /*has_failed=*/true);
  EXPECT_TRUE(queue.HasDue());
  queue.Remove("a2");
  std::vector<std::string> names;
  while (const auto name = queue.TakeDue(AllOwners)) names.push_back(*name);
  EXPECT_THAT(names, ElementsAre("a1", "z1", "a3"));
  EXPECT_FALSE(queue.HasDue());
  EXPECT_EQ(queue.NextDue(), std::nullopt);
}

TEST(ProbeQueue, ListsDatasetsThatHaveNotBeenRead) {
  ProbeQueue queue;
  const auto late = ProbeQueue::Clock::now() + kFarAway;
  queue.Add({.name = "new", .owner = "", .objects = 7});
  queue.AddLater({.name = "not applied"}, late, /*has_failed=*/false);
  queue.AddLater({.name = "failed"}, late, /*has_failed=*/true);
  EXPECT_THAT(UnreadNames(queue), UnorderedElementsAre("new", "not applied"));
  EXPECT_EQ(queue.unread_count(), 2U);
  queue.Remove("not applied");
  std::vector<size_t> objects;
  queue.VisitUnread([&](const ProbeQueue::Waiting& each) { objects.push_back(each.objects); });
  EXPECT_THAT(objects, ElementsAre(7U));
  queue.TakeNew(AllOwners);
  queue.Remove("failed");
  EXPECT_EQ(queue.unread_count(), 0U);
}

TEST(ProbeQueue, TakesTurnsBetweenTheOwnersOfHurriedDatasets) {
  ProbeQueue queue;
  for (const char* name : {"a1", "a2", "a3"}) queue.Add({.name = name, .owner = "a"});
  queue.Add({.name = "b1", .owner = "b"});
  for (const char* name : {"a1", "a2", "a3", "b1"}) queue.Hurry(name);
  EXPECT_THAT(queue.TakeHurried(AllOwners), Optional(std::string("a1")));
  EXPECT_THAT(queue.TakeHurried(AllOwners), Optional(std::string("b1")));
  EXPECT_THAT(queue.TakeHurried(AllOwners), Optional(std::string("a2")));
}

TEST(ProbeQueue, PassesOverOwnersThatMayNotTake) {
  ProbeQueue queue;
  for (const char* name : {"a1", "a2"}) queue.Add({.name = name, .owner = "a"});
  queue.Add({.name = "b1", .owner = "b"});
  const auto only_b = [](const std::string& owner) { return owner == "b"; };
  EXPECT_THAT(queue.TakeNew(only_b), Optional(std::string("b1")));
  EXPECT_EQ(queue.TakeNew(only_b), std::nullopt);
  EXPECT_THAT(TakeAllNew(queue), ElementsAre("a1", "a2"));
}

}  // namespace
}  // namespace tarn::queryd
