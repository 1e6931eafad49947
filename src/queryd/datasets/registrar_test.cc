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

// One message has all changes, so that no query sees only a part of them. The engine drops views
// first.
TEST_F(RegistrarTest, AppliesAllChangesAtOnce) {
  catalog.Add("z", "k", 1);
  Refresh();
  catalog.Remove("z");
  catalog.Add("a", "k", 1);
  catalog.Add("b", "k", 1);
  Refresh();
  EXPECT_THAT(engine.calls, ElementsAre("probe a k", "probe b k", "apply 4 -z +a:k +b:k"));
}

TEST_F(RegistrarTest, TreatsAnEarlierUpdatedAtAsAChange) {
  catalog.Add("a", "k1", 5);
  Refresh();
  catalog.Add("a", "k0", 3);
  EXPECT_EQ(Refresh().updated, 1U);
}

TEST_F(RegistrarTest, AFailureDoesNotDelayOthersAndIsRetried) {
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

TEST_F(RegistrarTest, ReportsAnUnreadableDatasetToQueriesOnce) {
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

TEST_F(RegistrarTest, ReportsAFailedObjectStoreToQueries) {
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

TEST_F(RegistrarTest, RetriesAFailedUpdate) {
  catalog.Add("a", "k1", 1);
  Refresh();
  engine.failing = {"a"};
  catalog.Add("a", "k2", 2);
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=0 dropped=0 skipped=0 errors=1");
  engine.failing.clear();
  EXPECT_EQ(Counts(Refresh()), "created=0 updated=1 dropped=0 skipped=0 errors=0");
}

TEST_F(RegistrarTest, RetriesAFailedChangeOfViews) {
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

TEST_F(RegistrarTest, KeepsViewsWhileTheCatalogueIsDown) {
  catalog.Add("a", "k", 1);
  Refresh();
  catalog.down = true;
  const RefreshResult result = Refresh();
  EXPECT_FALSE(result.catalog_read);
  EXPECT_THAT(result.errors, ElementsAre("connect: refused"));
  EXPECT_EQ(registrar.dataset_count(), 1U);
}

TEST_F(RegistrarTest, RepeatsAProbeIfTheDatasetChanges) {
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

TEST_F(RegistrarTest, ReadsOverwrittenDatasetsAgain) {
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
TEST_F(RegistrarTest, ReadsOverwrittenDatasetsOfAnUnchangedCatalogueAgain) {
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
  EXPECT_EQ(Refresh().updated, 1U) << "the failed probe is repeated";
  EXPECT_EQ(Refresh().updated, 0U);
}

TEST_F(RegistrarTest, FollowsACatalogueThatReportsChanges) {
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

TEST_F(RegistrarTest, ReadsAllIfTheCatalogueHasForgottenChanges) {
  catalog.tells = true;
  for (const char* name : {"a", "b"}) catalog.Add(name, "k", 1);
  Refresh();
  catalog.Remove("a");
  catalog.Add("c", "k", 1);
  catalog.forgot = true;
  EXPECT_EQ(Counts(Follow()), "created=1 updated=0 dropped=1 skipped=1 errors=0");
  EXPECT_THAT(engine.calls, ElementsAre("probe c k", "apply 4 -a +c:k"));
}

TEST_F(RegistrarTest, AppliesARevisionWithoutChanges) {
  catalog.tells = true;
  catalog.Add("a", "k", 1);
  Refresh();
  ++catalog.revision;
  EXPECT_FALSE(Follow().changed());
  EXPECT_THAT(engine.calls, ElementsAre("apply 2"));
}

TEST_F(RegistrarTest, FollowPausesBeforeARetry) {
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
  EXPECT_EQ(Refresh().errors.size(), 1U) << "a refresh repeats all probes";
  EXPECT_GT(*registrar.NextTry(), before + std::chrono::minutes(119)) << "twice as long";
  Refresh();
  Refresh();
  EXPECT_LT(*registrar.NextTry(), std::chrono::steady_clock::now() + std::chrono::hours(3));
  // A changed dataset is probed at once.
  engine.failing.clear();
  catalog.Add("bad", "k2", 2);
  EXPECT_EQ(Follow().created, 1U);
  EXPECT_FALSE(registrar.NextTry());
}

TEST_F(RegistrarTest, TheStatusListsFailedDatasets) {
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

}  // namespace
}  // namespace tarn::queryd
