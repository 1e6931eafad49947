#include "queryd/execution/known_views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::queryd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

protocol::ViewPointer MakeView(const std::string& name, uint64_t version) {
  return std::make_shared<const protocol::ViewSpec>(
      protocol::ViewSpec{.name = name, .keys = {"k"}, .version = version});
}

std::vector<std::string> NamesOf(const ViewChange& change) {
  std::vector<std::string> names;
  for (const protocol::ViewPointer& view : change.put) {
    names.push_back(view->name + std::to_string(view->version));
  }
  return names;
}

bool IsAllowed(const std::string& /*name*/) { return true; }

TEST(KnownViews, HasTheLatestOfEachName) {
  KnownViews known;
  const protocol::ViewPointer first = MakeView("a", 1);
  known.Take({.revision = 1, .put = {first, MakeView("b", 2)}, .pending = {"c"}});
  EXPECT_EQ(known.Find("a"), first.get()) << "it is not copied";
  known.Take({.revision = 2, .put = {MakeView("a", 3), MakeView("c", 4)}, .drop = {"b", "x"}});
  EXPECT_EQ(known.revision(), 2U);
  EXPECT_EQ(known.Find("a")->version, 3U);
  EXPECT_EQ(known.Find("b"), nullptr);
  const ViewChange all = known.All(IsAllowed);
  EXPECT_EQ(all.revision, 2U);
  EXPECT_THAT(NamesOf(all), UnorderedElementsAre("a3", "c4"));
  EXPECT_THAT(all.pending, IsEmpty());
}

TEST(KnownViews, HasPendingDatasets) {
  KnownViews known;
  known.Take({.revision = 1, .put = {}, .pending = {"a", "b"}});
  EXPECT_EQ(known.Find("a"), nullptr);
  EXPECT_THAT(known.All(IsAllowed).pending, UnorderedElementsAre("a", "b"));
  known.Take({.revision = 2, .put = {}, .drop = {"a"}});
  EXPECT_THAT(known.All(IsAllowed).pending, ElementsAre("b"));
}

TEST(KnownViews, LeavesOutDatasetsThatAreNotAllowed) {
  const ViewChange change{.revision = 3,
                          .put = {MakeView("a", 1), MakeView("b", 2)},
                          .pending = {"a2", "b2"},
                          .drop = {"a3", "b3"}};
  const auto only_a = [](const std::string& name) { return name.starts_with('a'); };
  const ViewChange part = PartOf(change, only_a);
  EXPECT_EQ(part.revision, 3U);
  EXPECT_THAT(NamesOf(part), ElementsAre("a1"));
  EXPECT_THAT(part.pending, ElementsAre("a2"));
  EXPECT_THAT(part.drop, ElementsAre("a3"));
  KnownViews known;
  known.Take(change);
  EXPECT_THAT(NamesOf(known.All(only_a)), ElementsAre("a1"));
  EXPECT_THAT(known.All(only_a).pending, ElementsAre("a2"));
}

}  // namespace
}  // namespace tarn::queryd
