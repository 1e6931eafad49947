#include "catalogd/store/store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/text.h"
#include "catalog/manifest_json.h"
#include "catalogd/store/listing.h"

namespace tarn::catalogd {
namespace {

catalog::DatasetContent Content(std::string key) {
  return {.objects = {{std::move(key), 10, "\"e\""}}, .row_count = 3};
}

catalog::DatasetContent Typed(std::string key, std::string type) {
  catalog::DatasetContent content = Content(std::move(key));
  content.schema = {{"id", "BIGINT"}, {"x", std::move(type)}};
  return content;
}

// The response of a list, parsed as by its reader.
catalog::Changes ListSince(Store& store, const std::optional<catalog::Position>& since,
                           const auth::DatasetScope& scope = {}) {
  auto listing = store.OpenListing(scope, since);
  EXPECT_TRUE(listing.ok()) << listing.error().message;
  std::string json;
  while (auto piece = *(*listing)->Next(1)) json += *piece;
  EXPECT_TRUE((*listing)->IsAtEnd());
  auto changes = catalog::ParseChanges(json);
  EXPECT_TRUE(changes.ok()) << changes.error().message << json;
  return std::move(*changes);
}

std::vector<std::string> NamesOf(const catalog::Changes& changes) {
  std::vector<std::string> names;
  for (const catalog::Manifest& manifest : changes.manifests) names.push_back(manifest.name);
  return names;
}

using Names = std::vector<std::string>;

class StoreTest : public testing::Test {
 protected:
  std::string folder = testing::TempDir() + "tarn-store-" + RandomId();
  ~StoreTest() override { std::filesystem::remove_all(folder); }
  std::unique_ptr<Store> Open(Store::Options options = {}) {
    auto store = Store::Open(folder, options);
    EXPECT_TRUE(store.ok()) << store.error().message;
    return std::move(*store);
  }
};

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

TEST_F(StoreTest, CreatesFilesReadableOnlyByTheOwner) {
  namespace fs = std::filesystem;
  // Left by an older version, and after a crash.
  fs::create_directories(folder);
  const auto all = fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read |
                   fs::perms::others_read;
  struct UmaskGuard {
    const mode_t former = umask(022);
    ~UmaskGuard() { umask(former); }
  };
  const UmaskGuard guard;
  for (const char* round : {"new", "former"}) {
    auto store = Open();
    ASSERT_TRUE(store->Put("a", Content(round)).ok());
    const auto backup = store->Backup();
    ASSERT_TRUE(backup.ok()) << backup.error().message;
    int files = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      const auto permissions = entry.status().permissions();
      EXPECT_EQ(permissions & (fs::perms::group_all | fs::perms::others_all), fs::perms::none)
          << round << " " << entry.path();
      ++files;
    }
    EXPECT_EQ(files, 5) << "the database, -wal, -shm, its lock and the backup";
    fs::remove(*backup);
    store.reset();
    fs::permissions(folder + "/catalog.sqlite", all);
    std::ofstream(folder + "/catalog.sqlite-wal").close();
    fs::permissions(folder + "/catalog.sqlite-wal", all);
  }
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
  const auto refuse = [](const Record*) -> Result<> { return InvalidArgument("no"); };
  EXPECT_FALSE(store->Touch("a", refuse).ok());
  EXPECT_EQ(store->Count()->revision, 3U);
}

TEST_F(StoreTest, NamesTheTokenOfTheLastChange) {
  auto store = Open();
  const auto changed_by = [&store] { return store->List()->manifests.at(0).changed_by; };
  ASSERT_TRUE(store->Put("a", Content("k1"), {.changed_by = "etl"}).ok());
  EXPECT_EQ(changed_by(), "etl");
  EXPECT_EQ(store->Get("a")->manifest.changed_by, "etl");
  ASSERT_TRUE(store->Put("a", Content("k1"), {.changed_by = "other"}).ok());
  EXPECT_EQ(changed_by(), "etl") << "nothing has changed";
  ASSERT_TRUE(store->Put("a", Content("k2")).ok());
  EXPECT_EQ(changed_by(), "");
  EXPECT_EQ(store->Touch("a", Store::Always, {}, "toucher")->record.manifest.changed_by, "toucher");
  ASSERT_TRUE(store->Restore("a", "", 1, Store::Always, {}, "restorer").ok());
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

TEST_F(StoreTest, RejectsASecondStoreOnTheSameFolder) {
  const auto first = Open();
  const auto second = Store::Open(folder);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("is in use"), std::string::npos) << second.error().message;
}

TEST_F(StoreTest, ReportsACorruptFile) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/catalog.sqlite") << std::string(8192, 'x');
  const auto store = Store::Open(folder);
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.error().message.find("not a database"), std::string::npos)
      << store.error().message;
}

TEST_F(StoreTest, RejectsANewerSchema) {
  { Open(); }
  {
    auto database = *SqliteDatabase::Open(folder + "/catalog.sqlite");
    ASSERT_TRUE(database.Execute("PRAGMA user_version = 99").ok());
  }
  const auto store = Store::Open(folder);
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.error().message.find("version 99"), std::string::npos);
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
  // The next change forgets that deletion.
  ASSERT_TRUE(store->Put("b", Content("1")).ok());
  EXPECT_FALSE(ListSince(*store, now).since.has_value());
  ++now.revision;
  EXPECT_TRUE(ListSince(*store, now).since.has_value());
  EXPECT_EQ(store->History("a", INT64_MAX, 10).error().kind, ErrorKind::kNotFound);
}

TEST_F(StoreTest, GivesEachCatalogueItsOwnId) {
  const std::string id = Open()->Now().catalog_id;
  EXPECT_EQ(Open()->Now().catalog_id, id);
  std::filesystem::remove_all(folder);
  EXPECT_NE(Open()->Now().catalog_id, id);
}

TEST_F(StoreTest, GivesARestoredOlderCopyANewId) {
  const std::string copy = folder + "-copy";
  { ASSERT_TRUE(Open()->Put("a", Content("1")).ok()); }
  std::filesystem::copy(folder + "/catalog.sqlite", copy);
  std::string id;
  {
    auto store = Open();
    id = store->Now().catalog_id;
    ASSERT_TRUE(store->Put("a", Content("2")).ok());
  }
  std::filesystem::rename(copy, folder + "/catalog.sqlite");
  auto store = Open();
  EXPECT_EQ(store->Now().revision, 1U);
  EXPECT_NE(store->Now().catalog_id, id);
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
  EXPECT_EQ(same.Tag(), same.manifest.dataset_id + ".2");
  EXPECT_EQ(store->Get("a")->Tag(), same.Tag());
  ASSERT_TRUE(store->Delete("a").ok());
  EXPECT_EQ(store->Put("a", Content("2"))->record.manifest.version, 1U);
}

TEST_F(StoreTest, ChecksConditionsInTheTransaction) {
  auto store = Open();
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  const auto refuse = [](const Record* current) -> Result<> {
    return Error{ErrorKind::kPrecondition, current == nullptr ? "none" : current->Tag()};
  };
  EXPECT_EQ(store->Put("b", Content("2"), {.condition = refuse}).error().message, "none");
  const std::string tag = store->Get("a")->Tag();
  EXPECT_EQ(store->Put("a", Content("2"), {.condition = refuse}).error().message, tag);
  EXPECT_EQ(store->Put("a", Content("1"), {.condition = refuse}).error().message, tag);
  EXPECT_EQ(store->Delete("a", refuse).error().message, tag);
  EXPECT_EQ(store->Delete("b", refuse).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store->Restore("a", "", 1, refuse).error().message, tag);
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
  EXPECT_EQ(store->Restore("a", "", 3, Store::Always).error().message,
            "version 3 of \"a\" is its deletion");
  EXPECT_EQ(store->Restore("a", "", 9, Store::Always).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store->Restore("b", "", 1, Store::Always).error().kind, ErrorKind::kNotFound);

  const auto revived = *store->Restore("a", "", 1, Store::Always);
  EXPECT_EQ(revived.outcome, Store::PutOutcome::kCreated);
  EXPECT_EQ(revived.record.manifest.dataset_id, id);
  EXPECT_EQ(revived.record.manifest.version, 4U);
  EXPECT_EQ(revived.record.content, catalog::FormatDatasetContent(Content("1")));
  EXPECT_TRUE(ListSince(*store, catalog::Position{store->Now().catalog_id, 2}).deleted.empty());
  const auto back = *store->Restore("a", "", 2, Store::Always);
  EXPECT_EQ(back.outcome, Store::PutOutcome::kUpdated);
  EXPECT_EQ(back.record.manifest.version, 5U);
  EXPECT_EQ(store->Restore("a", "", 5, Store::Always)->outcome, Store::PutOutcome::kUnchanged);

  // Versions of another dataset with that name start again; the id distinguishes them.
  ASSERT_TRUE(store->Delete("a").ok());
  ASSERT_TRUE(store->Put("a", Content("3")).ok());
  EXPECT_EQ(store->Restore("a", "", 2, Store::Always).error().kind, ErrorKind::kNotFound);
  const auto former = *store->Restore("a", id, 2, Store::Always);
  EXPECT_NE(former.record.manifest.dataset_id, id);
  EXPECT_EQ(former.record.manifest.version, 2U);
  EXPECT_EQ(former.record.content, catalog::FormatDatasetContent(Content("2")));
}

TEST_F(StoreTest, RejectsKeysOutsideTheScopeOfTheClient) {
  auto store = Open();
  const auth::KeyScope keys = auth::KeyScope::Of({"a/"});
  ASSERT_TRUE(store->Put("d", Content("b/1")).ok());
  ASSERT_TRUE(store->Put("d", Content("a/1"), {.keys = keys}).ok());
  const auto refused = store->Put("d", {.objects = {{"a/2"}, {"b/2"}}}, {.keys = keys});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(
      refused.error().message,
      "objects[1].key: \"b/2\" is outside of the key prefixes of this token (\"a/\"): register "
      "keys below them, or use a token of `tarn token create --prefix PREFIX/`");
  EXPECT_EQ(store->Put("d", Content("a/1"), {.keys = auth::KeyScope::Of({})}).error().message,
            "this token may not register objects, since it has no key prefix: use a token of `tarn "
            "token create --prefix PREFIX/`");
  // Versions registered by other clients.
  EXPECT_EQ(store->Restore("d", "", 1, Store::Always, keys).error().kind, ErrorKind::kForbidden);
  EXPECT_TRUE(store->Touch("d", Store::Always, keys).ok());
  ASSERT_TRUE(store->Restore("d", "", 1, Store::Always).ok());
  EXPECT_EQ(store->Touch("d", Store::Always, keys).error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(store->Put("d", Content("b/1"), {.keys = keys}).error().kind, ErrorKind::kForbidden)
      << "also where nothing would change";
  ASSERT_TRUE(store->Delete("d").ok());
  EXPECT_EQ(store->Restore("d", "", 1, Store::Always, keys).error().kind, ErrorKind::kForbidden);
  EXPECT_TRUE(store->Restore("d", "", 2, Store::Always, keys).ok());
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
  EXPECT_TRUE(store->Put("GrÖße", Content("1")).ok()) << "SQL tells these apart";
  EXPECT_TRUE(store->Put("Größe", Content("2")).ok());
  // A deleted dataset frees its name, and can be restored only if the name is free.
  ASSERT_TRUE(store->Delete("Größe").ok());
  ASSERT_TRUE(store->Put("gRöße", Content("1")).ok());
  EXPECT_EQ(store->Restore("Größe", "", 1, Store::Always).error().kind, ErrorKind::kConflict);
  ASSERT_TRUE(store->Delete("gRöße").ok());
  EXPECT_TRUE(store->Restore("Größe", "", 1, Store::Always).ok());
}

TEST_F(StoreTest, UpdatesOldNamesThatDifferOnlyInCase) {
  { Open(); }
  {
    auto database = *SqliteDatabase::Open(folder + "/catalog.sqlite");
    for (const char* name : {"sales", "SALES"}) {
      ASSERT_TRUE(database
                      .Execute(fmt::format("INSERT INTO datasets VALUES ('{}', 'id-{}', "
                                           "'{{\"objects\":[{{\"key\":\"k\"}}]}}', 1, 2, 1, 0, '')",
                                           name, name))
                      .ok());
    }
  }
  auto store = Open();
  EXPECT_EQ(store->Put("sales", Content("1"))->outcome, Store::PutOutcome::kUpdated);
  EXPECT_EQ(store->Put("SALES", Content("1"))->outcome, Store::PutOutcome::kUpdated);
  EXPECT_EQ(store->Put("Sales", Content("1")).error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(store->Delete("SALES").ok());
  EXPECT_EQ(store->Put("SALES", Content("1")).error().kind, ErrorKind::kConflict);
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
  ASSERT_TRUE(store->Restore("a", "", 1, Store::Always).ok());
  EXPECT_EQ(names, (Names{"a", "b", "a", "a"}));
}

TEST_F(StoreTest, BacksUpTheCatalogueWithANewId) {
  auto store = Open();
  ASSERT_TRUE(store->Put("a", Content("1")).ok());
  ASSERT_TRUE(store->Put("a", Content("2")).ok());
  const std::string path = *store->Backup();
  const std::string id = store->Now().catalog_id;
  const std::string json = store->Get("a")->Json();
  store.reset();
  std::filesystem::remove_all(folder + "-restored");
  std::filesystem::create_directories(folder + "-restored");
  std::filesystem::rename(path, folder + "-restored/catalog.sqlite");
  std::filesystem::remove_all(folder);
  std::filesystem::rename(folder + "-restored", folder);
  store = Open();
  EXPECT_NE(store->Now().catalog_id, id);
  EXPECT_EQ(store->Now().revision, 2U);
  EXPECT_EQ(store->Get("a")->Json(), json);
  EXPECT_EQ(store->History("a", INT64_MAX, 10)->entries.size(), 2U);
}

TEST_F(StoreTest, RemovesBackupsLeftByACrash) {
  std::string path;
  {
    auto store = Open();
    path = *store->Backup();
  }
  EXPECT_TRUE(std::filesystem::exists(path));
  Open();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(StoreTest, CountsConcurrentChangesSeparately) {
  auto store = Open();
  std::atomic<uint64_t> told = 0;
  store->SetOnChange([&told](const std::string&) { ++told; });
  const auto refuse = [](const Record*) -> Result<> {
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
        EXPECT_EQ(store->Put("own", Content(key), {.condition = refuse}).error().message, "no");
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

// The schema of version 1, with rows in its format.
constexpr const char* kVersion1 = R"sql(
  PRAGMA journal_mode = WAL;
  CREATE TABLE catalogue (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL,
                          last_change INTEGER NOT NULL);
  INSERT INTO catalogue VALUES (1, 7, 1795362600000000);
  CREATE TABLE datasets (name TEXT PRIMARY KEY, dataset_id TEXT NOT NULL, content TEXT NOT NULL,
                         created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO datasets VALUES
    ('a', 'id-a', '{"objects":[{"key":"k","size":10,"etag":"\"e\""}],"row_count":3}', 1, 2),
    ('b', 'id-b', '{"objects":[{"key":"l"}],"row_count":null,"schema_fingerprint":"f"}', 3, 4);
  PRAGMA user_version = 1;
)sql";

TEST_F(StoreTest, MigratesADatabaseOfVersion1) {
  std::filesystem::create_directories(folder);
  {
    auto database = *SqliteDatabase::Open(folder + "/catalog.sqlite");
    ASSERT_TRUE(database.Execute(kVersion1).ok());
  }
  auto store = Open();
  const catalog::Position now = store->Now();
  EXPECT_EQ(now.revision, 7U);
  EXPECT_EQ(now.catalog_id.size(), 32U);
  const auto snapshot = *store->List();
  ASSERT_EQ(snapshot.manifests.size(), 2U);
  EXPECT_EQ(snapshot.manifests[0].content, Content("k"));
  EXPECT_EQ(snapshot.manifests[0].version, 1U);
  EXPECT_EQ(snapshot.manifests[1].dataset_id, "id-b");
  EXPECT_EQ(snapshot.manifests[1].changed_by, "");
  EXPECT_EQ(snapshot.manifests[1].content.schema_fingerprint, "f");
  // Earlier deletions are unknown.
  EXPECT_FALSE(ListSince(*store, catalog::Position{now.catalog_id, 6}).since.has_value());
  EXPECT_TRUE(ListSince(*store, now).since.has_value());
  EXPECT_EQ(store->Put("a", Content("k"))->outcome, Store::PutOutcome::kUnchanged);
  const auto updated = *store->Put("a", Content("k2"));
  EXPECT_EQ(updated.record.manifest.version, 2U);
  EXPECT_GT(updated.record.manifest.updated_at,
            UnixMicros(std::chrono::microseconds(1795362600000000)));
  EXPECT_EQ(store->History("a", INT64_MAX, 10)->entries.size(), 2U);
  store.reset();
  EXPECT_EQ(Open()->Now(), (catalog::Position{now.catalog_id, 8}));
}

// Damages pages in the middle of the file, which opening does not read.
TEST_F(StoreTest, ReportsLaterDamageWithAdvice) {
  {
    auto store = Open();
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(store->Put(fmt::format("d{:03}", i), Content(std::string(1000, 'k'))).ok());
    }
  }
  const std::string path = folder + "/catalog.sqlite";
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<int64_t>(std::filesystem::file_size(path));
    for (int64_t at = 16 * 4096; at < size; at += 4096) {
      file.seekp(at);
      file << std::string(4096, '\xA5');
    }
  }
  auto store = Store::Open(folder);
  std::string message = store.ok() ? "" : store.error().message;
  if (store.ok()) {
    const auto list = (*store)->List();
    ASSERT_FALSE(list.ok());
    message = list.error().message;
  }
  EXPECT_NE(message.find("restore a backup"), std::string::npos) << message;
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
