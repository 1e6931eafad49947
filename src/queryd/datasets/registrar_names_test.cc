#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "queryd/datasets/registrar.h"
#include "queryd/datasets/test_registrar.h"

namespace tarn::queryd {
namespace {

TEST_F(RegistrarTest, AViewTakesThePlaceOfAnErrorThatDiffersInCase) {
  engine.failing = {"A"};
  catalog.Add("A", "k", 1, 2);
  Refresh();
  catalog.Add("a", "k", 1, 1);
  Refresh();
  EXPECT_THAT(engine.calls, testing::Contains("apply 2 -A +a:k"));
  catalog.Remove("A");
  Refresh();
  EXPECT_THAT(engine.calls, ElementsAre("apply 3"));
}

TEST_F(RegistrarTest, NamesThatDifferInCaseOnlyDoNotTakeTurns) {
  catalog.tells = true;
  Refresh();
  engine.slow = {"Trips"};
  catalog.Add("Trips", "k", 1);
  catalog.Add("trips", "k", 1);
  Follow();
  EXPECT_THAT(engine.calls, ElementsAre("probe Trips k", "apply 2 ?Trips"));
  Follow();
  EXPECT_THAT(engine.calls, testing::IsEmpty());
  engine.Answer("Trips");
  EXPECT_EQ(Follow().created, 1U);
  EXPECT_THAT(engine.calls, ElementsAre("apply 2 +Trips:k"));
}

TEST_F(RegistrarTest, NamesThatDifferInCaseOnlyDoNotReplaceEachOther) {
  catalog.Add("Trips", "k1", 1);
  catalog.Add("trips", "k2", 1);
  const RefreshResult first = Refresh();
  EXPECT_EQ(first.created, 1U);
  EXPECT_THAT(first.errors, ElementsAre(HasSubstr("upper and lower case")));
  EXPECT_THAT(engine.calls, ElementsAre("apply 2 ?Trips", "probe Trips k1", "apply 2 +Trips:k1"));
  catalog.Remove("Trips");
  Refresh();
  EXPECT_THAT(engine.calls, ElementsAre("probe trips k2", "apply 3 -Trips +trips:k2"));
}

TEST_F(RegistrarTest, OfNamesThatDifferInCaseOnlyTheOldestIsSeen) {
  catalog.Add("SALES", "new", 2, 2);
  catalog.Add("Sales", "newest", 3, 3);
  catalog.Add("sales", "old", 1, 1);
  const RefreshResult first = Refresh();
  EXPECT_THAT(first.errors,
              testing::Each(HasSubstr("the older dataset \"sales\" differs from it")));
  EXPECT_EQ(first.errors.size(), 2U);
  EXPECT_THAT(engine.calls, ElementsAre("apply 3 ?sales", "probe sales old", "apply 3 +sales:old"));
  catalog.tells = true;
  Refresh();
  catalog.Remove("sales");
  Follow();
  EXPECT_THAT(engine.calls, ElementsAre("probe SALES new", "apply 4 -sales +SALES:new"))
      << "the next one by age, and at once";
}

TEST_F(RegistrarTest, AnOldDatasetThatCannotBeReadKeepsItsNameFromOthers) {
  engine.failing = {"sales"};
  catalog.Add("sales", "old", 1, 1);
  catalog.Add("SALES", "new", 2, 2);
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=0 errors=2");
  EXPECT_THAT(engine.calls, ElementsAre("apply 2 ?sales", "probe sales old", "apply 2 !sales"));
  Refresh();
  EXPECT_THAT(engine.calls, ElementsAre("probe sales old"));
}

TEST_F(RegistrarTest, AnOlderDatasetThatComesBackGetsItsNameBack) {
  catalog.Add("SALES", "new", 2, 2);
  Refresh();
  catalog.Add("sales", "old", 1, 1);
  EXPECT_EQ(Counts(Refresh()), "created=1 updated=0 dropped=1 skipped=1 errors=0");
  EXPECT_THAT(engine.calls, ElementsAre("probe sales old", "apply 2 -SALES +sales:old"));
  EXPECT_THAT(Refresh().errors, ElementsAre(HasSubstr("the older dataset \"sales\"")));
  EXPECT_TRUE(engine.calls.empty());
}

}  // namespace
}  // namespace tarn::queryd
