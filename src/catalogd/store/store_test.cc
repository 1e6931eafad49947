#include "catalogd/store/store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "catalogd/store/test_store.h"

namespace tarn::catalogd {
namespace {

TEST_F(StoreTest, PutsIdempotently) {
  auto store = Open();
  const auto created = *store->Put("a", Content("k1"));
  EXPECT_EQ(created.outcome, Store::PutOutcome::kCreated);
  const auto same = *store->Put("a", Content("k1"));
  EXPECT_EQ(same.outcome, Store::PutOutcome::kUnchanged);
  EXPECT_EQ(same.record.manifest.updated_at, created.record.manifest.updated_at);
  EXPECT_EQ(store->Count()->revision, 1U);
  const auto updated = *store->Put("a", Content("k2"));
  EXPECT_EQ(updated.outcome, Store::PutOutcome::kUpdated);
  EXPECT_GT(updated.record.manifest.updated_at, created.record.manifest.updated_at);
  EXPECT_EQ(updated.record.manifest.created_at, created.record.manifest.created_at);
  EXPECT_EQ(updated.record.manifest.dataset_id, created.record.manifest.dataset_id);
  EXPECT_EQ(store->Count()->revision, 2U);
}

TEST_F(StoreTest, CreatesANewVersionOnTouch) {
  auto store = Open();
  EXPECT_EQ(store->Touch("a").error().kind, ErrorKind::kNotFound);
  const auto created = *store->Put("a", Content("k1"));
  const auto touched = *store->Touch("a");
  EXPECT_EQ(touched.outcome, Store::PutOutcome::kUpdated);
  EXPECT_EQ(touched.record.content, created.record.content);
  EXPECT_EQ(touched.record.manifest.version, 2U);
  EXPECT_GT(touched.record.manifest.updated_at, created.record.manifest.updated_at);
  const auto again = *store->Put("a", Content("k1"), {.touch = true});
  EXPECT_EQ(again.outcome, Store::PutOutcome::kUpdated);
  const auto refuse = [](const catalog::Manifest*) -> Result<> { return InvalidArgument("no"); };
  EXPECT_FALSE(store->Touch("a", {.condition = refuse}).ok());
  EXPECT_EQ(store->Count()->revision, 3U);
}

TEST_F(StoreTest, NamesTheTokenOfTheLastChange) {
  auto store = Open();
  const auto changed_by = [&store] { return store->List()->manifests.at(0).changed_by; };
  ASSERT_TRUE(store->Put("a", Content("k1"), {.change = {.changed_by = "etl"}}).ok());
  EXPECT_EQ(changed_by(), "etl");
  EXPECT_EQ(store->Get("a")->manifest.changed_by, "etl");
  ASSERT_TRUE(store->Put("a", Content("k1"), {.change = {.changed_by = "other"}}).ok());
  EXPECT_EQ(changed_by(), "etl") << "nothing has changed";
  ASSERT_TRUE(store->Put("a", Content("k2")).ok());
  EXPECT_EQ(changed_by(), "");
  EXPECT_EQ(store->Touch("a", {.changed_by = "toucher"})->record.manifest.changed_by, "toucher");
  ASSERT_TRUE(store->Restore("a", "", 1, {.changed_by = "restorer"}).ok());
  EXPECT_EQ(changed_by(), "restorer");
  EXPECT_THAT(store->Get("a")->Json(), testing::HasSubstr(R"("changed_by":"restorer")"));
}

TEST_F(StoreTest, IncrementsTheRevisionOnlyOnChanges) {
  auto store = Open();
  EXPECT_EQ(store->List()->revision, 0U);
  ASSERT_TRUE(store->Put("a", Content("k")).ok());
  EXPECT_EQ(store->Delete("b").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store->List()->revision, 1U);
  ASSERT_TRUE(store->Delete("a").ok());
  EXPECT_EQ(store->List()->revision, 2U);
  EXPECT_TRUE(store->List()->manifests.empty());
  EXPECT_EQ(store->Get("a").error().kind, ErrorKind::kNotFound);
}

TEST_F(StoreTest, NeverRepeatsUpdatedAt) {
  auto store = Open();
  UnixMicros last{};
  for (int i = 0; i < 500; ++i) {
    const auto put = *store->Put("a", Content("k" + std::to_string(i)));
    ASSERT_GT(put.record.manifest.updated_at, last);
    last = put.record.manifest.updated_at;
    if (i % 7 == 0) {
      ASSERT_TRUE(store->Delete("a").ok());
    }
  }
}

TEST_F(StoreTest, KeepsEverythingAcrossAReopen) {
  catalog::Snapshot before;
  {
    auto store = Open();
    ASSERT_TRUE(store->Put("it's \"a\"; DROP", Content("k")).ok());
    ASSERT_TRUE(store->Put("b", {.objects = {{"x"}, {"y", 1, "e"}}}).ok());
    before = *store->List();
  }
  const auto after = *Open()->List();
  EXPECT_EQ(after.revision, before.revision);
  ASSERT_EQ(after.manifests.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(after.manifests[i].name, before.manifests[i].name);
    EXPECT_EQ(after.manifests[i].content, before.manifests[i].content);
    EXPECT_EQ(after.manifests[i].updated_at, before.manifests[i].updated_at);
  }
}

TEST_F(StoreTest, ListsChangesSinceAPosition) {
  auto store = Open();
  const catalog::Position start = store->Now();
  EXPECT_EQ(start.revision, 0U);
  EXPECT_EQ(start.catalog_id.size(), 32U);
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  ASSERT_TRUE(store->Put("b", Content("1")).ok());
  ASSERT_TRUE(store->Put("c", Content("1")).ok());
  const catalog::Position before = store->Now();
  EXPECT_EQ(ListSince(*store, before).since, before.revision);
  EXPECT_TRUE(ListSince(*store, before).manifests.empty());

  ASSERT_TRUE(store->Put("c", Content("2")).ok());
  ASSERT_TRUE(store->Delete("a").ok());
  ASSERT_TRUE(store->Delete("b").ok());
  ASSERT_TRUE(store->Put("b", Content("1")).ok());
  const catalog::Changes changes = ListSince(*store, before);
  EXPECT_EQ(changes.position, store->Now());
  EXPECT_EQ(changes.since, before.revision);
  EXPECT_EQ(NamesOf(changes), (Names{"c", "b"}));
  EXPECT_EQ(changes.deleted, (Names{"a"}));
  EXPECT_EQ(ListSince(*store, start).deleted, (Names{"a"}));

  const catalog::Changes whole = ListSince(*store, std::nullopt);
  EXPECT_EQ(whole.since, std::nullopt);
  EXPECT_EQ(NamesOf(whole), (Names{"b", "c"}));
}

TEST_F(StoreTest, ListsEverythingIfChangesAreUnknown) {
  auto store = Open({.deleted_keep = std::chrono::nanoseconds(1)});
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  catalog::Position now = store->Now();
  EXPECT_TRUE(ListSince(*store, now).since.has_value());
  EXPECT_FALSE(ListSince(*store, catalog::Position{"other", 1}).since.has_value());
  EXPECT_FALSE(ListSince(*store, catalog::Position{now.catalog_id, 2}).since.has_value());
  ASSERT_TRUE(store->Delete("a").ok());
  // The next change purges this deletion.
  ASSERT_TRUE(store->Put("b", Content("1")).ok());
  EXPECT_FALSE(ListSince(*store, now).since.has_value());
  ++now.revision;
  EXPECT_TRUE(ListSince(*store, now).since.has_value());
  EXPECT_EQ(store->History("a", INT64_MAX, 10).error().kind, ErrorKind::kNotFound);
}

TEST_F(StoreTest, ShowsAScopeOnlyItsOwnChanges) {
  auto store = Open();
  const auto blue = auth::DatasetScope::Of({"blue_*"});
  ASSERT_TRUE(store->Put("blue_1", Content("1")).ok());
  ASSERT_TRUE(store->Put("red_1", Content("1")).ok());
  const catalog::Position first = *store->Now(blue);
  EXPECT_EQ(first.revision, 1U);
  EXPECT_NE(first.catalog_id, store->Now().catalog_id);
  ASSERT_TRUE(store->Put("red_1", Content("2")).ok());
  ASSERT_TRUE(store->Delete("red_1").ok());
  EXPECT_EQ(*store->Now(blue), first);
  EXPECT_EQ(ListSince(*store, std::nullopt, blue).position, first);
  EXPECT_EQ(NamesOf(ListSince(*store, std::nullopt, blue)), (Names{"blue_1"}));

  ASSERT_TRUE(store->Put("blue_2", Content("1")).ok());
  ASSERT_TRUE(store->Delete("blue_1").ok());
  const catalog::Changes changes = ListSince(*store, first, blue);
  EXPECT_EQ(changes.position, *store->Now(blue));
  EXPECT_EQ(NamesOf(changes), (Names{"blue_2"}));
  EXPECT_EQ(changes.deleted, (Names{"blue_1"}));
  // The cached state of one scope does not affect another.
  EXPECT_FALSE(ListSince(*store, first).since.has_value());
  EXPECT_FALSE(ListSince(*store, first, auth::DatasetScope::Of({"red_*"})).since.has_value());
}

TEST_F(StoreTest, ListsOneStateDuringWrites) {
  auto store = Open();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(store->Put(fmt::format("d{:02}", i), Content("1")).ok());
  }
  auto listing = *store->OpenListing({}, std::nullopt);
  std::string json = **listing->Next(1);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(store->Put(fmt::format("d{:02}", i), Content("2")).ok());
  }
  while (auto piece = *listing->Next(1)) json += *piece;
  const auto snapshot = *catalog::ParseSnapshot(json);
  EXPECT_EQ(snapshot.revision, 50U);
  for (const catalog::Manifest& manifest : snapshot.manifests) {
    EXPECT_EQ(manifest.content.objects[0].key, "1");
  }
}

TEST_F(StoreTest, CountsTheChangesOfADataset) {
  auto store = Open();
  EXPECT_EQ(store->Put("a", Content("1"))->record.manifest.version, 1U);
  EXPECT_EQ(store->Put("a", Content("2"))->record.manifest.version, 2U);
  const Record same = store->Put("a", Content("2"))->record;
  EXPECT_EQ(same.manifest.version, 2U);
  EXPECT_EQ(TagOf(same.manifest), same.manifest.dataset_id + ".2");
  EXPECT_EQ(TagOf(store->Get("a")->manifest), TagOf(same.manifest));
  ASSERT_TRUE(store->Delete("a").ok());
  EXPECT_EQ(store->Put("a", Content("2"))->record.manifest.version, 1U);
}

TEST_F(StoreTest, ChecksConditionsInTheTransaction) {
  auto store = Open();
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  const auto refuse = [](const catalog::Manifest* current) -> Result<> {
    return Error{ErrorKind::kPrecondition, current == nullptr ? "none" : TagOf(*current)};
  };
  EXPECT_EQ(store->Put("b", Content("2"), {.change = {.condition = refuse}}).error().message,
            "none");
  const std::string tag = TagOf(store->Get("a")->manifest);
  EXPECT_EQ(store->Put("a", Content("2"), {.change = {.condition = refuse}}).error().message, tag);
  EXPECT_EQ(store->Put("a", Content("1"), {.change = {.condition = refuse}}).error().message, tag);
  EXPECT_EQ(store->Delete("a", {.condition = refuse}).error().message, tag);
  EXPECT_EQ(store->Delete("b", {.condition = refuse}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store->Restore("a", "", 1, {.condition = refuse}).error().message, tag);
  EXPECT_EQ(store->Now().revision, 1U);
}

TEST_F(StoreTest, KeepsAndRestoresHistory) {
  auto store = Open();
  const std::string id = store->Put("a", Content("1"))->record.manifest.dataset_id;
  ASSERT_TRUE(store->Put("a", Content("2")).ok());
  ASSERT_TRUE(store->Delete("a").ok());
  auto page = *store->History("a", INT64_MAX, 10);
  ASSERT_EQ(page.entries.size(), 3U);
  EXPECT_FALSE(page.has_more);
  EXPECT_EQ(page.entries[0].content, std::nullopt);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(page.entries[i].version, 3 - i);
    EXPECT_EQ(page.entries[i].revision, 3 - i);
    EXPECT_EQ(page.entries[i].dataset_id, id);
  }
  EXPECT_EQ(page.entries[2].content, catalog::FormatDatasetContent(Content("1")));
  EXPECT_EQ(store->Restore("a", "", 3).error().message, "version 3 of \"a\" is its deletion");
  EXPECT_EQ(store->Restore("a", "", 9).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store->Restore("b", "", 1).error().kind, ErrorKind::kNotFound);

  const auto revived = *store->Restore("a", "", 1);
  EXPECT_EQ(revived.outcome, Store::PutOutcome::kCreated);
  EXPECT_EQ(revived.record.manifest.dataset_id, id);
  EXPECT_EQ(revived.record.manifest.version, 4U);
  EXPECT_EQ(revived.record.content, catalog::FormatDatasetContent(Content("1")));
  EXPECT_TRUE(ListSince(*store, catalog::Position{store->Now().catalog_id, 2}).deleted.empty());
  const auto back = *store->Restore("a", "", 2);
  EXPECT_EQ(back.outcome, Store::PutOutcome::kUpdated);
  EXPECT_EQ(back.record.manifest.version, 5U);
  EXPECT_EQ(store->Restore("a", "", 5)->outcome, Store::PutOutcome::kUnchanged);

  // Versions of another dataset with that name start again; the id distinguishes them.
  ASSERT_TRUE(store->Delete("a").ok());
  ASSERT_TRUE(store->Put("a", Content("3")).ok());
  EXPECT_EQ(store->Restore("a", "", 2).error().kind, ErrorKind::kNotFound);
  const auto former = *store->Restore("a", id, 2);
  EXPECT_NE(former.record.manifest.dataset_id, id);
  EXPECT_EQ(former.record.manifest.version, 2U);
  EXPECT_EQ(former.record.content, catalog::FormatDatasetContent(Content("2")));
}

TEST_F(StoreTest, RejectsKeysOutsideTheScopeOfTheClient) {
  auto store = Open();
  const auth::KeyScope keys = auth::KeyScope::Of({"a/"});
  ASSERT_TRUE(store->Put("d", Content("b/1")).ok());
  ASSERT_TRUE(store->Put("d", Content("a/1"), {.change = {.keys = keys}}).ok());
  const auto refused = store->Put("d", {.objects = {{"a/2"}, {"b/2"}}}, {.change = {.keys = keys}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(
      refused.error().message,
      "objects[1].key: \"b/2\" is outside of the key prefixes of this token (\"a/\"): register "
      "keys below them, or use a token of `tarn token create --prefix PREFIX/`");
  EXPECT_EQ(
      store->Put("d", Content("a/1"), {.change = {.keys = auth::KeyScope::Of({})}}).error().message,
      "this token may not register objects, since it has no key prefix: use a token of `tarn "
      "token create --prefix PREFIX/`");
  // Versions registered by other clients.
  EXPECT_EQ(store->Restore("d", "", 1, {.keys = keys}).error().kind, ErrorKind::kForbidden);
  EXPECT_TRUE(store->Touch("d", {.keys = keys}).ok());
  ASSERT_TRUE(store->Restore("d", "", 1).ok());
  EXPECT_EQ(store->Touch("d", {.keys = keys}).error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(store->Put("d", Content("b/1"), {.change = {.keys = keys}}).error().kind,
            ErrorKind::kForbidden)
      << "even if nothing would change";
  ASSERT_TRUE(store->Delete("d").ok());
  EXPECT_EQ(store->Restore("d", "", 1, {.keys = keys}).error().kind, ErrorKind::kForbidden);
  EXPECT_TRUE(store->Restore("d", "", 2, {.keys = keys}).ok());
}

TEST_F(StoreTest, RejectsNamesThatDifferOnlyInCase) {
  auto store = Open();
  ASSERT_TRUE(store->Put("Größe", Content("1")).ok());
  const auto refused = store->Put("gRöße", Content("1"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(
      refused.error().message,
      "another dataset has the name \"gRöße\" in a different case, and SQL ignores case: choose "
      "another name");
  EXPECT_EQ(store->Count()->revision, 1U);
  EXPECT_TRUE(store->Put("GrÖße", Content("1")).ok()) << "SQL distinguishes these names";
  EXPECT_TRUE(store->Put("Größe", Content("2")).ok());
  // A deleted dataset frees its name, and can be restored only if the name is free.
  ASSERT_TRUE(store->Delete("Größe").ok());
  ASSERT_TRUE(store->Put("gRöße", Content("1")).ok());
  EXPECT_EQ(store->Restore("Größe", "", 1).error().kind, ErrorKind::kConflict);
  ASSERT_TRUE(store->Delete("gRöße").ok());
  EXPECT_TRUE(store->Restore("Größe", "", 1).ok());
}

TEST_F(StoreTest, LimitsAndPagesHistory) {
  auto store = Open({.history_versions_max = 5});
  for (int i = 1; i <= 20; ++i) ASSERT_TRUE(store->Put("a", Content(std::to_string(i))).ok());
  auto page = *store->History("a", INT64_MAX, 3);
  EXPECT_TRUE(page.has_more);
  ASSERT_EQ(page.entries.size(), 3U);
  EXPECT_EQ(page.entries[0].version, 20U);
  page = *store->History("a", page.entries.back().revision, 3);
  EXPECT_FALSE(page.has_more);
  ASSERT_EQ(page.entries.size(), 2U);
  EXPECT_EQ(page.entries[1].version, 16U);
  EXPECT_TRUE(store->History("a", 1, 3)->entries.empty());
}

TEST_F(StoreTest, KeepsNoHistoryWithALimitOfOne) {
  auto store = Open({.history_versions_max = 1});
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  ASSERT_TRUE(store->Put("a", Content("2")).ok());
  EXPECT_EQ(store->History("a", INT64_MAX, 10)->entries.size(), 1U);
}

TEST_F(StoreTest, RejectsIncompatibleTypes) {
  auto store = Open();
  ASSERT_TRUE(store->Put("a", Typed("1", "INTEGER")).ok());
  ASSERT_TRUE(store->Put("a", Typed("2", "BIGINT")).ok());
  const auto refused = store->Put("a", Typed("3", "VARCHAR"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(refused.error().message,
            "this would change types of \"a\" and may break its readers: column \"x\" from "
            "BIGINT to VARCHAR; set ?allow_schema_change=true to allow it");
  EXPECT_TRUE(store->Put("a", Typed("3", "VARCHAR"), {.allow_schema_change = true}).ok());
  EXPECT_TRUE(store->Put("a", Content("4")).ok());
}

TEST_F(StoreTest, NotifiesTheListenerOfEachChange) {
  auto store = Open();
  Names names;
  store->SetOnChange([&names](const std::string& name) { names.push_back(name); });
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  ASSERT_TRUE(store->Put("b", Content("1")).ok());
  ASSERT_TRUE(store->Delete("a").ok());
  EXPECT_FALSE(store->Delete("a").ok());
  ASSERT_TRUE(store->Restore("a", "", 1).ok());
  EXPECT_EQ(names, (Names{"a", "b", "a", "a"}));
}

TEST_F(StoreTest, CountsConcurrentChangesSeparately) {
  auto store = Open();
  std::atomic<uint64_t> told = 0;
  store->SetOnChange([&told](const std::string&) { ++told; });
  const auto refuse = [](const catalog::Manifest*) -> Result<> {
    return Error{ErrorKind::kPrecondition, "no"};
  };
  constexpr int kThreads = 8;
  constexpr int kChanges = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kChanges; ++i) {
        const std::string key = fmt::format("{}-{}", t, i);
        EXPECT_TRUE(store->Put("shared", Content(key)).ok());
        // Other changes in the same commit are not affected.
        EXPECT_EQ(
            store->Put("own", Content(key), {.change = {.condition = refuse}}).error().message,
            "no");
        EXPECT_EQ(store->Put(key, Content(key))->record.manifest.version, 1U);
        EXPECT_FALSE(store->Delete("none").ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told, 2U * kThreads * kChanges);
  EXPECT_EQ(store->Now().revision, 2U * kThreads * kChanges);
  EXPECT_EQ(store->Count()->revision, store->Now().revision);
  EXPECT_EQ(store->Get("shared")->manifest.version, 1U * kThreads * kChanges);
  EXPECT_EQ(store->Count()->datasets, 1U + kThreads * kChanges);
}

TEST(StoreInMemory, BehavesLikeAStoreOnDisk) {
  auto store = *Store::Open(":memory:");
  EXPECT_FALSE(store->is_on_disk());
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  const catalog::Position before = store->Now();
  ASSERT_TRUE(store->Put("b", Content("1")).ok());
  ASSERT_TRUE(store->Delete("a").ok());
  EXPECT_EQ(NamesOf(ListSince(*store, before)), (Names{"b"}));
  EXPECT_EQ(ListSince(*store, before).deleted, (Names{"a"}));
  EXPECT_EQ(ListSince(*store, before, auth::DatasetScope::Of({"c"})).since, std::nullopt);
  EXPECT_EQ(store->History("a", INT64_MAX, 10)->entries.size(), 2U);
}

}  // namespace
}  // namespace tarn::catalogd
