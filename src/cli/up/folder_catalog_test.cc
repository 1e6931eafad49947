#include "cli/up/folder_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/text.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class FolderCatalogTest : public testing::Test {
 protected:
  const fs::path folder = fs::path(testing::TempDir()) / ("tarn-folder-" + RandomId());
  const std::unique_ptr<catalogd::Store> store = *catalogd::Store::Open(":memory:");
  FolderCatalog catalog{folder, *store};

  FolderCatalogTest() { fs::create_directories(folder); }
  ~FolderCatalogTest() override { fs::remove_all(folder); }

  void Write(const std::string& name, const std::string& bytes = "x") {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << bytes;
  }
  Result<queryd::CatalogRead> Read() {
    return catalog.Read("", Duration::zero(), Deadline::Never(), {});
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const catalog::Snapshot snapshot = *store->List();
    for (const catalog::Manifest& manifest : snapshot.manifests) names.push_back(manifest.name);
    return names;
  }
};

TEST_F(FolderCatalogTest, FilesAndFoldersAreDatasets) {
  Write("trips.parquet");
  Write("Upper.PARQUET");
  Write("events/2026/01/b.parquet");
  Write("events/2026/01/a.parquet");
  Write("events/readme.txt");
  Write("notes.txt");
  Write("empty/readme.txt");
  Write(".hidden.parquet");
  Write("_temporary/x.parquet");
  Write("events/.staging/x.parquet");
  Write("events/_delta/x.parquet");
  fs::create_directories(folder / "folder.parquet");
  const auto read = Read();
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_TRUE(read->is_whole);
  EXPECT_EQ(read->position, "") << "it cannot be followed";
  EXPECT_THAT(Names(), ElementsAre("Upper", "events", "trips"));
  const auto& objects = read->manifests[1].content.objects;
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_EQ(objects[0].key, "events/2026/01/a.parquet");
  EXPECT_EQ(objects[0].size_bytes, 1);
}

TEST_F(FolderCatalogTest, FollowsTheFolder) {
  Write("a.parquet");
  const auto first = *Read();
  ASSERT_EQ(first.manifests.size(), 1U);
  EXPECT_FALSE(Read()->changed);
  Write("a.parquet", "longer");
  const auto second = *Read();
  EXPECT_TRUE(second.changed);
  EXPECT_GT(second.revision, first.revision);
  EXPECT_GT(second.manifests[0].updated_at, first.manifests[0].updated_at);
  Write("b.parquet");
  EXPECT_TRUE(Read()->changed);
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
  fs::remove(folder / "a.parquet");
  EXPECT_TRUE(Read()->changed);
  EXPECT_THAT(Names(), ElementsAre("b"));
}

TEST_F(FolderCatalogTest, FollowsARenameThatChangesOnlyCase) {
  Write("sales.parquet");
  ASSERT_TRUE(Read().ok());
  fs::rename(folder / "sales.parquet", folder / "Sales.parquet");
  const auto read = Read();
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_THAT(Names(), ElementsAre("Sales"));
}

TEST_F(FolderCatalogTest, AMissingFolderIsAnErrorAndKeepsTheStore) {
  Write("a.parquet");
  ASSERT_TRUE(Read().ok());
  fs::remove_all(folder);
  EXPECT_FALSE(Read().ok());
  EXPECT_THAT(Names(), ElementsAre("a"));
}

}  // namespace
}  // namespace tarn::cli
