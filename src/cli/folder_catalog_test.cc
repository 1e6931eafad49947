#include "cli/folder_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/text.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class FolderCatalogTest : public testing::Test {
 protected:
  const fs::path folder = fs::path(testing::TempDir()) / ("tarn-folder-" + RandomId());
  FolderCatalogTest() { fs::create_directories(folder); }
  ~FolderCatalogTest() override { fs::remove_all(folder); }

  void Write(const std::string& name, const std::string& bytes = "x") {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << bytes;
  }
  // "name: key key", a dataset each.
  std::vector<std::string> Scan() {
    problems.clear();
    std::vector<std::string> out;
    const auto found = ScanFolder(folder, problems);
    for (const FoundDataset& dataset : found.value()) {
      std::string line = dataset.name + ":";
      for (const auto& object : dataset.content.objects) line += " " + object.key;
      out.push_back(std::move(line));
    }
    return out;
  }
  std::vector<std::string> problems;
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
  EXPECT_THAT(Scan(), ElementsAre("Upper: Upper.PARQUET",
                                  "events: events/2026/01/a.parquet events/2026/01/b.parquet",
                                  "trips: trips.parquet"));
  EXPECT_TRUE(problems.empty());
}

TEST_F(FolderCatalogTest, TellsWhatCannotBeADataset) {
  Write("trips.parquet");
  Write("trips/a.parquet");
  Write("bad\nname.parquet");
  EXPECT_THAT(Scan(), ElementsAre("trips: trips/a.parquet"));
  EXPECT_THAT(problems, ElementsAre(HasSubstr("control characters"), HasSubstr("another dataset")));
}

TEST_F(FolderCatalogTest, TheCatalogueFollowsTheFolder) {
  auto store = *catalogd::Store::Open(":memory:");
  FolderCatalog catalog(folder, *store);
  Write("a.parquet");
  const auto first = *catalog.List();
  ASSERT_EQ(first.manifests.size(), 1U);
  EXPECT_EQ(catalog.List()->revision, first.revision) << "nothing changed";
  Write("a.parquet", "longer");
  const auto second = *catalog.List();
  EXPECT_GT(second.manifests[0].updated_at, first.manifests[0].updated_at);
  fs::remove(folder / "a.parquet");
  EXPECT_TRUE(catalog.List()->manifests.empty());
}

TEST_F(FolderCatalogTest, AFolderThatIsGoneIsAnErrorAndDropsNothing) {
  auto store = *catalogd::Store::Open(":memory:");
  FolderCatalog catalog(folder, *store);
  Write("a.parquet");
  ASSERT_TRUE(catalog.List().ok());
  fs::remove_all(folder);
  EXPECT_FALSE(catalog.List().ok());
  EXPECT_EQ(store->List()->manifests.size(), 1U);
}

}  // namespace
}  // namespace tarn::cli
