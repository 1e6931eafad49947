#include "catalogd/store/database.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "catalog/manifest_json.h"
#include "catalogd/store/rows.h"
#include "catalogd/store/test_store.h"

namespace tarn::catalogd {
namespace {

class DatabaseTest : public StoreTest {};

TEST_F(DatabaseTest, CreatesFilesReadableOnlyByTheOwner) {
  namespace fs = std::filesystem;
  // Files left by an older version and by a crash.
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

TEST_F(DatabaseTest, RejectsASecondStoreOnTheSameFolder) {
  const auto first = Open();
  const auto second = Store::Open(folder);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("is in use"), std::string::npos) << second.error().message;
}

TEST_F(DatabaseTest, ReportsACorruptFile) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/catalog.sqlite") << std::string(8192, 'x');
  const auto store = Store::Open(folder);
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.error().message.find("not a database"), std::string::npos)
      << store.error().message;
}

TEST_F(DatabaseTest, RejectsANewerSchema) {
  { Open(); }
  {
    auto database = *SqliteDatabase::Open(folder + "/catalog.sqlite");
    ASSERT_TRUE(database.Execute("PRAGMA user_version = 99").ok());
  }
  const auto store = Store::Open(folder);
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.error().message.find("version 99"), std::string::npos);
}

TEST_F(DatabaseTest, GivesEachCatalogueItsOwnId) {
  const std::string id = Open()->Now().catalog_id;
  EXPECT_EQ(Open()->Now().catalog_id, id);
  std::filesystem::remove_all(folder);
  EXPECT_NE(Open()->Now().catalog_id, id);
}

TEST_F(DatabaseTest, GivesARestoredOlderCopyANewId) {
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

TEST_F(DatabaseTest, BacksUpTheCatalogueWithANewId) {
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

TEST_F(DatabaseTest, RemovesBackupsLeftByACrash) {
  std::string path;
  {
    auto store = Open();
    path = *store->Backup();
  }
  EXPECT_TRUE(std::filesystem::exists(path));
  Open();
  EXPECT_FALSE(std::filesystem::exists(path));
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

TEST_F(DatabaseTest, MigratesADatabaseOfVersion1) {
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

// The schema of version 4, with rows in its format.
constexpr const char* kVersion4 = R"sql(
  PRAGMA journal_mode = WAL;
  CREATE TABLE catalogue (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL,
                          last_change INTEGER NOT NULL, catalog_id TEXT NOT NULL DEFAULT '',
                          forgotten INTEGER NOT NULL DEFAULT 0);
  INSERT INTO catalogue VALUES (1, 9, 1795362600000000, 'c4', 2);
  CREATE TABLE datasets (name TEXT PRIMARY KEY, dataset_id TEXT NOT NULL, content TEXT NOT NULL,
                         created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
                         version INTEGER NOT NULL DEFAULT 1, revision INTEGER NOT NULL DEFAULT 0,
                         changed_by TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
  CREATE INDEX datasets_by_revision ON datasets (revision);
  CREATE INDEX datasets_by_name_in_any_case ON datasets (name COLLATE NOCASE);
  CREATE TABLE deletions (name TEXT PRIMARY KEY, revision INTEGER NOT NULL,
                          dataset_id TEXT NOT NULL, version INTEGER NOT NULL,
                          created_at INTEGER NOT NULL, deleted_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX deletions_by_revision ON deletions (revision);
  CREATE TABLE history (name TEXT NOT NULL, revision INTEGER NOT NULL, dataset_id TEXT NOT NULL,
                        version INTEGER NOT NULL, content TEXT, updated_at INTEGER NOT NULL,
                        PRIMARY KEY (name, revision)) WITHOUT ROWID;
  PRAGMA user_version = 4;
)sql";

// Formats content as it is stored.
std::string Stored(const catalog::DatasetContent& content) {
  return catalog::FormatDatasetContent(content);
}
std::string Stored(const std::string& key) { return Stored(Content(key)); }

std::string InsertOfVersion4(const std::string& name, const std::string& content, int version,
                             int revision, const std::string& changed_by) {
  return fmt::format("INSERT INTO datasets VALUES ('{}', 'id-{}', '{}', 1, {}, {}, {}, '{}');",
                     name, name, content, 10 * revision, version, revision, changed_by);
}

// Datasets "b" (two versions), "a" (deleted and made again) and "sales" beside "SALES"; "gone" is
// deleted.
std::string FilledVersion4() {
  return kVersion4 + InsertOfVersion4("sales", Stored("s"), 1, 1, "") +
         InsertOfVersion4("SALES", Stored("S"), 1, 2, "red") +
         InsertOfVersion4("b", Stored(Large("b2")), 2, 4, "red") +
         InsertOfVersion4("a", Stored("a3"), 1, 7, "it''s \"me\"") +
         fmt::format(
             "INSERT INTO history VALUES ('b', 3, 'id-b', 1, '{}', 30);"
             "INSERT INTO history VALUES ('a', 5, 'id-a0', 1, '{}', 50);"
             "INSERT INTO history VALUES ('a', 6, 'id-a0', 2, NULL, 60);"
             "INSERT INTO history VALUES ('gone', 8, 'id-gone', 1, '{}', 80);"
             "INSERT INTO deletions VALUES ('gone', 9, 'id-gone', 2, 70, 90);",
             Stored(Large("b1")), Stored("a1"), Stored("g"));
}

TEST_F(DatabaseTest, MigratesADatabaseOfVersion4) {
  Execute(FilledVersion4());
  auto store = Open();
  EXPECT_EQ(store->Now(), (catalog::Position{"c4", 9}));
  const auto listed = store->List();
  ASSERT_TRUE(listed.ok()) << listed.error().message.substr(0, 1000);
  const catalog::Snapshot& snapshot = *listed;
  ASSERT_EQ(snapshot.manifests.size(), 4U);
  const catalog::Manifest& b = snapshot.manifests[2];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.content, Large("b2"));
  EXPECT_EQ(b.version, 2U);
  EXPECT_EQ(b.changed_by, "red");
  EXPECT_EQ(ToInteger(b.updated_at), 40);
  EXPECT_EQ(ToInteger(b.created_at), 1);
  EXPECT_EQ(snapshot.manifests[0].content, Content("S"));
  EXPECT_EQ(snapshot.manifests[1].content, Content("a3"));
  EXPECT_EQ(NamesOf(ListSince(*store, catalog::Position{"c4", 3})), (Names{"b", "a"}));
  EXPECT_EQ(ListSince(*store, catalog::Position{"c4", 3}).deleted, (Names{"gone"}));

  const auto former = *store->History("b", INT64_MAX, 10);
  ASSERT_EQ(former.entries.size(), 2U);
  EXPECT_EQ(former.entries[1].content, Stored(Large("b1")));
  const auto again = *store->History("a", INT64_MAX, 10);
  ASSERT_EQ(again.entries.size(), 3U);
  EXPECT_EQ(again.entries[1].content, std::nullopt);
  EXPECT_EQ(again.entries[2].content, Stored("a1"));
  EXPECT_EQ(again.entries[2].dataset_id, "id-a0");
  EXPECT_EQ(store->Restore("gone", "", 1)->record.content, Stored("g"));
  EXPECT_EQ(store->Restore("a", "id-a0", 1)->record.content, Stored("a1"));
  EXPECT_EQ(store->Put("b", Content("3"))->record.manifest.version, 3U);
  EXPECT_EQ(store->Restore("b", "", 1)->record.manifest.version, 4U);
  store.reset();
  EXPECT_EQ(Open()->Now(), (catalog::Position{"c4", 13}));
}

TEST_F(DatabaseTest, MigrationCountsTheDatasetsOfEachToken) {
  Execute(FilledVersion4());
  auto store = Open();
  EXPECT_EQ(store->Count()->datasets, 4U);
  uint64_t bytes = 0;
  for (const char* name : {"sales", "SALES", "a", "b"}) {
    const Record record = *store->Get(name);
    bytes += ListedBytes(name, record.manifest.changed_by, record.content.size());
  }
  EXPECT_EQ(store->Count()->bytes, bytes);
  store.reset();
  EXPECT_EQ(Number("SELECT datasets FROM token_usage WHERE token = 'red'"), 2);
  EXPECT_EQ(Number("SELECT datasets FROM token_usage WHERE token = 'it''s \"me\"'"), 1);
  EXPECT_EQ(Number("SELECT sum(bytes) FROM token_usage"), static_cast<int64_t>(bytes));
}

TEST_F(DatabaseTest, FailedMigrationChangesNothing) {
  // This name makes one of the last steps fail.
  Execute(FilledVersion4() + "CREATE TABLE unused_contents (x);");
  const auto failed = Store::Open(folder);
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message, testing::HasSubstr("unused_contents already exists"));
  EXPECT_EQ(Number("PRAGMA user_version"), 4);
  EXPECT_EQ(Number("SELECT length(content) FROM datasets WHERE name = 'b'"),
            static_cast<int64_t>(Stored(Large("b2")).size()));
  EXPECT_EQ(Number("SELECT count(*) FROM history"), 4);
  Execute("DROP TABLE unused_contents");
  EXPECT_EQ(Open()->Count()->datasets, 4U);
}

TEST_F(DatabaseTest, UpdatesOldNamesThatDifferOnlyInCase) {
  Execute(FilledVersion4());
  auto store = Open();
  EXPECT_EQ(store->Put("sales", Content("1"))->outcome, Store::PutOutcome::kUpdated);
  EXPECT_EQ(store->Put("SALES", Content("1"))->outcome, Store::PutOutcome::kUpdated);
  EXPECT_EQ(store->Put("Sales", Content("1")).error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(store->Delete("SALES").ok());
  EXPECT_EQ(store->Put("SALES", Content("1")).error().kind, ErrorKind::kConflict);
}

// Damages pages in the middle of the file, which opening does not read.
TEST_F(DatabaseTest, ReportsLaterDamageWithAdvice) {
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

}  // namespace
}  // namespace tarn::catalogd
