#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "queryd/datasets/registrar.h"
#include "queryd/datasets/test_registrar.h"

namespace tarn::queryd {
namespace {

TEST_F(RegistrarTest, DatasetsBeyondTheTimeLimitGoLiveLater) {
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

TEST_F(RegistrarTest, ASlowDatasetDoesNotDelayOthers) {
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

TEST_F(RegistrarTest, LimitsConcurrentProbes) {
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
      << "queries see all names at once";
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
  EXPECT_TRUE(registrar.IsReading()) << "one dataset waits";
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

TEST_F(RegistrarTest, RepeatsProbesAfterTheEndOfTheEngine) {
  catalog.tells = true;
  Refresh();
  engine.slow = {"a"};
  catalog.Add("a", "k", 1);
  Follow();
  engine.probes.at("a").answer.set_value(Error{ErrorKind::kCancelled, "the engine has ended"});
  EXPECT_TRUE(Follow().errors.empty());
  EXPECT_THAT(StatusOf(registrar).failed.entries, testing::IsEmpty());
  EXPECT_TRUE(registrar.NextTry()) << "it is probed again";
  ASSERT_EQ(StatusOf(registrar).being_read.entries.size(), 1U) << "it has not been read";
  EXPECT_EQ(StatusOf(registrar).being_read.entries[0].objects_read, 0U);
  engine.slow.clear();
  EXPECT_EQ(Follow().created, 1U);
}

TEST_F(RegistrarTest, MarksTheRetryOfAFailedDataset) {
  engine.failing = {"a"};
  catalog.Add("a", "k", 1);
  Refresh();
  EXPECT_FALSE(engine.retries.at("a"));
  catalog.Add("b", "k", 1);
  Refresh();
  EXPECT_TRUE(engine.retries.at("a"));
  EXPECT_FALSE(engine.retries.at("b"));
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
TEST_F(RegistrarTest, RepeatsALostProbeWithoutASuspect) {
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

}  // namespace
}  // namespace tarn::queryd
