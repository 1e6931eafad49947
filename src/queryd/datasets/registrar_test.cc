#include "queryd/datasets/registrar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "queryd/datasets/test_registrar.h"

namespace tarn::queryd {
namespace {

TEST_F(RegistrarTest, CreatesUpdatesSkipsAndDrops) {
  catalog.Add("a", "k1", 1);
  catalog.Add("b", "k1", 1);
  EXPECT_EQ(Counts(Refresh()), "created=2 updated=0 dropped=0 skipped=0 errors=0");
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=2 errors=0");
  EXPECT_TRUE(engine.calls.empty());
  catalog.Add("a", "k2", 2);
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=1 dropped=0 skipped=1 errors=0");
  EXPECT_THAT(engine.calls, ElementsAre("probe a k2", "apply 3 +a:k2"));
  catalog.Remove("b");
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=1 skipped=1 errors=0");
}

// In one change, so that no query sees the half of it; the engine drops first.
TEST_F(RegistrarTest, AllThatHasChangedGoesLiveAtOnce) {
  catalog.Add("z", "k", 1);
  Refresh();
  catalog.Remove("z");
  catalog.Add("a", "k", 1);
  catalog.Add("b", "k", 1);
  Refresh();
  EXPECT_THAT(engine.calls, ElementsAre("probe a k", "probe b k", "apply 4 -z +a:k +b:k"));
}

TEST_F(RegistrarTest, AnUpdatedAtThatWentBackIsAChangeToo) {
  catalog.Add("a", "k1", 5);
  Refresh();
  catalog.Add("a", "k0", 3);
  EXPECT_EQ(Refresh().updated, 1U);
}

TEST_F(RegistrarTest, OneFailureKeepsNoOtherBackAndIsTriedAgain) {
  engine.failing = {"b"};
  catalog.Add("a", "k", 1);
  catalog.Add("b", "k", 1);
  catalog.Add("c", "k", 1);
  const RefreshResult first = Refresh();
  EXPECT_EQ(Counts(first), "created=2 updated=0 dropped=0 skipped=0 errors=1");
  EXPECT_THAT(first.errors[0], HasSubstr("create view \"b\": no such object"));
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=2 errors=1");
  engine.failing.clear();
  EXPECT_EQ(Counts(Refresh()), "created=1 updated=0 dropped=0 skipped=2 errors=0");
}

TEST_F(RegistrarTest, TellsQueriesOnceWhyADatasetCannotBeRead) {
  engine.failing = {"a"};
  catalog.Add("a", "k", 1);
  Refresh();
  EXPECT_THAT(engine.calls, ElementsAre("apply 1 ?a", "probe a k", "apply 1 !a"));
  Refresh();
  EXPECT_THAT(engine.calls, ElementsAre("probe a k"));
  catalog.Remove("a");
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=0 errors=0");
  EXPECT_THAT(engine.calls, ElementsAre("apply 2 -a"));
  Refresh();
  EXPECT_TRUE(engine.calls.empty());
}

TEST_F(RegistrarTest, TellsQueriesThatTheObjectStoreIsDown) {
  engine.failing = {"a"};
  engine.failure = Unavailable("connect: refused");
  catalog.Add("a", "k", 1);
  Refresh();
  EXPECT_THAT(engine.calls, ElementsAre("apply 1 ?a", "probe a k", "apply 1 ~a"));
  engine.failure = Error{ErrorKind::kTimeout, "timed out"};
  Refresh();
  EXPECT_THAT(engine.calls, ElementsAre("probe a k", "apply 1 ~a"));
  engine.failure = InvalidArgument("no such object");
  Refresh();
  EXPECT_THAT(engine.calls, ElementsAre("probe a k", "apply 1 !a"));
}

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

TEST_F(RegistrarTest, AFailedUpdateIsTriedAgain) {
  catalog.Add("a", "k1", 1);
  Refresh();
  engine.failing = {"a"};
  catalog.Add("a", "k2", 2);
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=0 errors=1");
  engine.failing.clear();
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=1 dropped=0 skipped=0 errors=0");
}

TEST_F(RegistrarTest, AChangeThatFailsIsTriedAgain) {
  catalog.Add("a", "k", 1);
  Refresh();
  catalog.Remove("a");
  catalog.Add("b", "k", 1);
  engine.cannot_apply = true;
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=0 errors=1");
  EXPECT_EQ(registrar.dataset_count(), 1U);
  EXPECT_EQ(StatusOf(registrar).revision, 1U);
  engine.cannot_apply = false;
  EXPECT_EQ(Counts(Refresh()), "created=1 updated=0 dropped=1 skipped=0 errors=0");
  EXPECT_EQ(registrar.dataset_count(), 1U);
  EXPECT_EQ(StatusOf(registrar).revision, 3U);
}

TEST_F(RegistrarTest, ACatalogueThatIsDownChangesNothing) {
  catalog.Add("a", "k", 1);
  Refresh();
  catalog.down = true;
  const RefreshResult result = Refresh();
  EXPECT_FALSE(result.catalog_read);
  EXPECT_THAT(result.errors, ElementsAre("connect: refused"));
  EXPECT_EQ(registrar.dataset_count(), 1U);
}

TEST_F(RegistrarTest, WhatIsReadLongerThanTheTimeLimitGoesLiveLater) {
  engine.slow = {"b"};
  catalog.Add("a", "k", 1);
  catalog.Add("b", "k", 1);
  const RefreshResult result = Refresh(Deadline::After(std::chrono::milliseconds(1)));
  EXPECT_EQ(result.created, 1U);
  EXPECT_THAT(result.errors, ElementsAre("datasets still being read when the time was up: 1"));
  EXPECT_TRUE(registrar.IsReading());
  EXPECT_FALSE(registrar.Collect(std::chrono::minutes(1)).changed());
  engine.Answer("b");
  EXPECT_EQ(registrar.Collect(std::chrono::minutes(1)).created, 1U);
  EXPECT_FALSE(registrar.IsReading());
}

TEST_F(RegistrarTest, ADatasetThatTakesLongKeepsNoOtherBack) {
  catalog.tells = true;
  Refresh();
  engine.slow = {"large"};
  catalog.Add("large", "k", 1);
  catalog.Add("small", "k", 1);
  EXPECT_EQ(Follow().created, 1U);
  EXPECT_THAT(engine.calls,
              ElementsAre("probe large k", "probe small k", "apply 2 ?large +small:k"));
  *engine.probes.at("large").objects_read = 5;
  const CatalogStatus status = StatusOf(registrar);
  ASSERT_EQ(status.being_read.entries.size(), 1U);
  EXPECT_EQ(status.being_read.entries[0].name, "large");
  EXPECT_EQ(status.being_read.entries[0].objects, 1U);
  EXPECT_EQ(status.being_read.entries[0].objects_read, 5U);
  EXPECT_FALSE(status.being_read.entries[0].since > UnixMicros::clock::now());

  catalog.Add("other", "k", 1);
  EXPECT_EQ(Follow().created, 1U);
  EXPECT_LT(catalog.waits.back(), std::chrono::seconds(1)) << "to see when it is ready";
  EXPECT_EQ(Refresh().errors.size(), 0U) << "it goes on";
  EXPECT_THAT(engine.calls, testing::IsEmpty()) << "and does not begin again";
  engine.failing = {"large"};
  engine.Answer("large");
  EXPECT_EQ(Follow().errors.size(), 1U);
  EXPECT_THAT(engine.calls, ElementsAre("apply 3 !large"));
  engine.failing.clear();
  engine.slow.clear();
  EXPECT_EQ(Refresh().created, 1U);
  EXPECT_THAT(StatusOf(registrar).being_read.entries, testing::IsEmpty());
}

TEST_F(RegistrarTest, ProbesSomeDatasetsAtATime) {
  catalog.tells = true;
  Refresh();
  std::vector<std::string> names;
  for (int i = 0; i < 10; ++i) names.push_back("d" + std::to_string(i));
  for (const std::string& name : names) {
    catalog.Add(name, "k", 1);
    engine.slow.insert(name);
  }
  Follow();
  EXPECT_THAT(engine.calls, ElementsAre("probe d0 k", "probe d1 k", "probe d2 k", "probe d3 k",
                                        "apply 10 ?d0 ?d1 ?d2 ?d3 ?d4 ?d5 ?d6 ?d7 ?d8 ?d9"))
      << "queries are told of all at once";
  EXPECT_EQ(registrar.probed_count(), kProbedMax);
  EXPECT_EQ(registrar.waiting_count(), 6U);
  EXPECT_EQ(StatusOf(registrar).being_read.entries.size(), 10U);

  registrar.Hurry("d8");
  registrar.Hurry("unknown");
  Follow();
  EXPECT_THAT(engine.calls, ElementsAre("probe d8 k")) << "a query waits for it";
  EXPECT_THAT(engine.first, ElementsAre("d8"));
  engine.Answer("d8");
  engine.Answer("d2");
  EXPECT_EQ(Follow().created, 2U);
  Follow();
  EXPECT_THAT(engine.calls, ElementsAre("probe d4 k"));
  EXPECT_EQ(StatusOf(registrar).being_read.entries.size(), 8U);
  for (const char* name : {"d0", "d1", "d3", "d4"}) engine.Answer(name);
  engine.slow.clear();
  Follow();
  EXPECT_TRUE(registrar.IsReading()) << "one waits";
  Follow();
  EXPECT_EQ(registrar.dataset_count(), 10U);
  EXPECT_FALSE(registrar.IsReading());
  EXPECT_THAT(StatusOf(registrar).being_read.entries, testing::IsEmpty());
}

TEST_F(RegistrarTest, AWholeRefreshProbesAllDatasets) {
  for (int i = 0; i < 30; ++i) catalog.Add("d" + std::to_string(i), "k", 1);
  engine.failing = {"d3", "d7"};
  EXPECT_EQ(Counts(Refresh()), "created=28 updated=0 dropped=0 skipped=0 errors=2");
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=28 errors=2");
}

TEST_F(RegistrarTest, RetriesLeaveRoomForNewDatasets) {
  catalog.tells = true;
  for (int i = 0; i < 10; ++i) {
    const std::string name = "bad" + std::to_string(i);
    catalog.Add(name, "k", 1);
    engine.failing.insert(name);
  }
  Refresh();
  engine.slow = engine.failing;
  Refresh();
  EXPECT_EQ(registrar.probed_count(), kProbedMax / 2);
  catalog.Add("new", "k", 1);
  EXPECT_EQ(Follow().created, 1U);
}

TEST_F(RegistrarTest, OwnersTakeTurns) {
  catalog.tells = true;
  Refresh();
  for (int i = 0; i < 9; ++i) catalog.Add("a" + std::to_string(i), "k", 1);
  catalog.Add("b", "k", 1);
  for (auto& [name, manifest] : catalog.manifests) manifest.changed_by = name.substr(0, 1);
  for (const auto& [name, manifest] : catalog.manifests) engine.slow.insert(name);
  Follow();
  EXPECT_THAT(engine.calls, testing::Contains("probe b k"));
  EXPECT_EQ(registrar.probed_count(), kProbedMax);
}

TEST_F(RegistrarTest, WhatTheEndOfAnEngineCutsOffIsBegunAgain) {
  catalog.tells = true;
  Refresh();
  engine.slow = {"a"};
  catalog.Add("a", "k", 1);
  Follow();
  engine.probes.at("a").answer.set_value(Error{ErrorKind::kCancelled, "the engine has ended"});
  EXPECT_TRUE(Follow().errors.empty());
  EXPECT_THAT(StatusOf(registrar).failed.entries, testing::IsEmpty());
  EXPECT_TRUE(registrar.NextTry()) << "it is not forgotten";
  ASSERT_EQ(StatusOf(registrar).being_read.entries.size(), 1U) << "nor is it there";
  EXPECT_EQ(StatusOf(registrar).being_read.entries[0].objects_read, 0U);
  engine.slow.clear();
  EXPECT_EQ(Follow().created, 1U);
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

TEST_F(RegistrarTest, WhatChangesWhileItIsReadIsReadAnew) {
  catalog.tells = true;
  Refresh();
  engine.slow = {"a", "b"};
  catalog.Add("a", "k1", 1);
  catalog.Add("b", "k1", 1);
  EXPECT_FALSE(Follow().changed());
  catalog.Add("a", "k2", 2);
  catalog.Remove("b");
  EXPECT_FALSE(Follow().changed());
  EXPECT_THAT(engine.calls, testing::Contains("probe a k2"));
  EXPECT_EQ(StatusOf(registrar).being_read.entries.size(), 1U);
  engine.Answer("a");
  EXPECT_EQ(Follow().created, 1U);
  EXPECT_THAT(engine.calls, ElementsAre("apply 4 +a:k2"));
}

TEST_F(RegistrarTest, ReadsAnewWhatWasOverwritten) {
  catalog.tells = true;
  engine.etag = "one";
  for (const char* name : {"a", "b", "c"}) catalog.Add(name, "k", 1);
  Refresh();
  const auto check = [&](const std::set<std::string>& names, uint64_t objects_max) {
    engine.calls.clear();
    registrar.CheckForOverwrites(names, objects_max, Deadline::After(std::chrono::minutes(1)));
    return engine.calls;
  };
  EXPECT_THAT(check({"a", "b", "unknown"}, 1), ElementsAre("check a k one"));
  EXPECT_EQ(Follow().updated, 0U);
  EXPECT_THAT(check({"a"}, 1), ElementsAre("check b k one")) << "which was not reached before";
  EXPECT_THAT(check({"a"}, 0), testing::IsEmpty());
  Follow();

  engine.etag = "two";
  EXPECT_THAT(check({"a"}, 10), ElementsAre("check a k one"));
  engine.calls.clear();
  const RefreshResult result =
      registrar.Follow(std::chrono::seconds(7), std::chrono::seconds(5), {});
  EXPECT_THAT(result.overwritten, ElementsAre("a"));
  EXPECT_EQ(result.updated, 1U);
  EXPECT_THAT(engine.calls, ElementsAre("probe a k", "apply 3 +a:k"));
  EXPECT_THAT(check({"a"}, 10), ElementsAre("check a k two"));
  EXPECT_TRUE(StatusOf(registrar).error.empty());
}

// The catalogue, which is read as a whole, has nothing new.
TEST_F(RegistrarTest, ReadsAnewWhatWasOverwrittenThoughTheCatalogueIsTheSame) {
  engine.etag = "one";
  catalog.Add("a", "k", 1);
  Refresh();
  engine.etag = "two";
  registrar.CheckForOverwrites({"a"}, 10, Deadline::After(std::chrono::minutes(1)));
  engine.failing = {"a"};
  const RefreshResult first = Refresh();
  EXPECT_THAT(first.overwritten, ElementsAre("a"));
  EXPECT_EQ(first.errors.size(), 1U);
  engine.failing.clear();
  EXPECT_EQ(Refresh().updated, 1U) << "it is still to be read";
  EXPECT_EQ(Refresh().updated, 0U);
}

TEST_F(RegistrarTest, WhatFailedTheLastTimeGivesWayToAllOthers) {
  engine.failing = {"a"};
  catalog.Add("a", "k", 1);
  Refresh();
  EXPECT_FALSE(engine.retries.at("a"));
  catalog.Add("b", "k", 1);
  Refresh();
  EXPECT_TRUE(engine.retries.at("a"));
  EXPECT_FALSE(engine.retries.at("b"));
}

TEST_F(RegistrarTest, FollowsACatalogueThatTellsItsChanges) {
  catalog.tells = true;
  for (const char* name : {"a", "b", "c"}) catalog.Add(name, "k", 1);
  EXPECT_FALSE(registrar.Follows());
  EXPECT_EQ(Counts(Refresh()), "created=3 updated=0 dropped=0 skipped=0 errors=0");
  EXPECT_TRUE(registrar.Follows());
  EXPECT_EQ(catalog.waits.back(), Duration::zero());

  EXPECT_EQ(Counts(Follow()), "created=0 updated=0 dropped=0 skipped=3 errors=0");
  EXPECT_TRUE(engine.calls.empty());
  EXPECT_EQ(catalog.waits.back(), std::chrono::seconds(7));
  catalog.Add("b", "k2", 2);
  catalog.Remove("c");
  EXPECT_EQ(Counts(Follow()), "created=0 updated=1 dropped=1 skipped=1 errors=0");
  EXPECT_THAT(engine.calls, ElementsAre("probe b k2", "apply 5 -c +b:k2"));
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=2 errors=0");
  catalog.Add("c", "k", 1);
  EXPECT_EQ(Counts(Follow()), "created=1 updated=0 dropped=0 skipped=2 errors=0");
}

TEST_F(RegistrarTest, ACatalogueThatForgotIsReadAsAWhole) {
  catalog.tells = true;
  for (const char* name : {"a", "b"}) catalog.Add(name, "k", 1);
  Refresh();
  catalog.Remove("a");
  catalog.Add("c", "k", 1);
  catalog.forgot = true;
  EXPECT_EQ(Counts(Follow()), "created=1 updated=0 dropped=1 skipped=1 errors=0");
  EXPECT_THAT(engine.calls, ElementsAre("probe c k", "apply 4 -a +c:k"));
}

TEST_F(RegistrarTest, ARevisionWithoutAChangeOfOursGoesLiveToo) {
  catalog.tells = true;
  catalog.Add("a", "k", 1);
  Refresh();
  ++catalog.revision;
  EXPECT_FALSE(Follow().changed());
  EXPECT_THAT(engine.calls, ElementsAre("apply 2"));
}

TEST_F(RegistrarTest, WhatFailedIsLeftAloneForAWhileByFollow) {
  catalog.tells = true;
  engine.failing = {"bad"};
  catalog.Add("bad", "k", 1);
  EXPECT_FALSE(registrar.NextTry());
  const auto before = std::chrono::steady_clock::now();
  Refresh();
  ASSERT_TRUE(registrar.NextTry());
  EXPECT_GT(*registrar.NextTry(), before + std::chrono::minutes(59));
  catalog.Add("a", "k", 1);
  EXPECT_EQ(Counts(Follow()), "created=1 updated=0 dropped=0 skipped=0 errors=0");
  EXPECT_THAT(engine.calls, ElementsAre("probe a k", "apply 2 +a:k"));
  EXPECT_EQ(Refresh().errors.size(), 1U) << "a refresh tries all";
  EXPECT_GT(*registrar.NextTry(), before + std::chrono::minutes(119)) << "twice as long";
  Refresh();
  Refresh();
  EXPECT_LT(*registrar.NextTry(), std::chrono::steady_clock::now() + std::chrono::hours(3));
  // As another thing it is tried at once.
  engine.failing.clear();
  catalog.Add("bad", "k2", 2);
  EXPECT_EQ(Follow().created, 1U);
  EXPECT_FALSE(registrar.NextTry());
}

TEST_F(RegistrarTest, TheStatusNamesWhatFailed) {
  EXPECT_FALSE(StatusOf(registrar).read_at);
  catalog.Add("a", "k", 1);
  catalog.Add("b", "k", 1);
  engine.failing = {"b"};
  Refresh();
  engine.failing = {"a", "b"};
  catalog.Add("a", "k2", 2);
  Refresh();
  CatalogStatus status = StatusOf(registrar);
  EXPECT_EQ(status.revision, 3U);
  EXPECT_EQ(status.datasets, 1U);
  EXPECT_TRUE(status.read_at);
  EXPECT_EQ(status.error, "");
  ASSERT_EQ(status.failed.entries.size(), 2U);
  EXPECT_EQ(status.failed.entries[0].name, "a");
  EXPECT_TRUE(status.failed.entries[0].has_former);
  EXPECT_EQ(status.failed.entries[0].tries, 1);
  EXPECT_EQ(status.failed.entries[1].name, "b");
  EXPECT_FALSE(status.failed.entries[1].has_former);
  EXPECT_EQ(status.failed.entries[1].tries, 2);
  EXPECT_EQ(status.failed.entries[1].error, "no such object");
  EXPECT_LE(status.failed.entries[1].since, status.failed.entries[0].since);
  catalog.Remove("a");
  catalog.Remove("b");
  Refresh();
  EXPECT_TRUE(StatusOf(registrar).failed.entries.empty());
  catalog.down = true;
  Refresh();
  EXPECT_EQ(StatusOf(registrar).error, "connect: refused");
}

TEST_F(RegistrarTest, ADatasetThatEndsItsProcessTwiceIsNotProbedAgainUntilItChanges) {
  engine.crashing = {"bad"};
  catalog.Add("bad", "k", 1);
  catalog.Add("good", "k", 1);
  EXPECT_EQ(Counts(Refresh()), "created=1 updated=0 dropped=0 skipped=0 errors=0");
  EXPECT_TRUE(engine.alone.empty());
  EXPECT_TRUE(registrar.NextTry());
  const RefreshResult second = Refresh();
  EXPECT_THAT(engine.alone, ElementsAre("bad"));
  ASSERT_EQ(second.errors.size(), 1U);
  EXPECT_THAT(second.errors[0], HasSubstr("create view \"bad\": object \"k\": DuckDB ended its "
                                          "process twice"));
  EXPECT_EQ(registrar.crashed_count(), 1U);
  EXPECT_EQ(Refresh().errors, second.errors);
  EXPECT_TRUE(engine.calls.empty());
  catalog.Add("bad", "k2", 2);
  engine.crashing.clear();
  EXPECT_EQ(Refresh().created, 1U);
  EXPECT_THAT(engine.alone, ElementsAre("bad"));
}

TEST_F(RegistrarTest, TheErrorOfACrashedObjectWithALongKeySaysWhatToDo) {
  engine.crashing = {"bad"};
  catalog.Add("bad", std::string(1000, 'k'), 1);
  Refresh();
  Refresh();
  const RefreshResult known = Refresh();
  ASSERT_EQ(known.errors.size(), 1U);
  EXPECT_THAT(known.errors[0], HasSubstr("write the object again under another key"));
}

TEST_F(RegistrarTest, SuspectsAreProbedAloneOneAtATime) {
  engine.crashing = {"a", "b", "c"};
  for (const char* name : {"a", "b", "c"}) catalog.Add(name, "k", 1);
  Refresh();
  engine.crashing = {"b"};
  engine.slow = {"a"};
  catalog.tells = true;
  Follow();
  EXPECT_THAT(engine.alone, ElementsAre("a"));
  catalog.Add("other", "k", 1);
  EXPECT_EQ(Follow().created, 1U) << "no other dataset waits for a suspect";
  EXPECT_THAT(engine.alone, ElementsAre("a"));
  engine.Answer("a");
  EXPECT_EQ(Follow().created, 1U);
  Follow();
  Follow();
  EXPECT_THAT(engine.alone, ElementsAre("a", "b", "c"));
  EXPECT_EQ(registrar.dataset_count(), 3U);
  EXPECT_EQ(registrar.crashed_count(), 1U);
}

// It may have been another dataset that ended the process.
TEST_F(RegistrarTest, AProbeThatWasLostWithoutASuspectIsRepeatedAsItWas) {
  catalog.Add("a", "k", 1);
  engine.slow = {"a"};
  catalog.tells = true;
  Refresh(Deadline::After(std::chrono::milliseconds(1)));
  engine.probes.at("a").answer.set_value(Error{ErrorKind::kCancelled, "the engine process ended"});
  engine.slow.clear();
  Follow();
  Follow();
  EXPECT_EQ(registrar.dataset_count(), 1U);
  EXPECT_TRUE(engine.alone.empty());
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
