#include "queryd/datasets/crashed_probes.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "base/text.h"

namespace tarn::queryd {
namespace {

namespace fs = std::filesystem;

WantedDataset VersionWith(const std::string& name, const std::string& etag,
                          int64_t updated_at = 1) {
  WantedDataset dataset{.name = name,
                        .updated_at = UnixMicros(std::chrono::microseconds(updated_at)),
                        .keys = {name + ".parquet"}};
  if (!etag.empty()) dataset.etags = {etag};
  return dataset;
}

class CrashedProbesTest : public testing::Test {
 protected:
  const fs::path folder = fs::path(testing::TempDir()) / ("tarn-crashed-" + RandomId());
  const fs::path file = folder / "probes.json";

  CrashedProbesTest() { fs::create_directories(folder); }
  ~CrashedProbesTest() override { fs::remove_all(folder); }

  void Write(const std::string& text) const { std::ofstream(file) << text; }
  std::string Text() const {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  // Returns true if a new process knows the version of the dataset.
  bool IsKnown(const WantedDataset& dataset, const std::string& writer = "1") const {
    return CrashedProbes(file, writer).Find(dataset) != nullptr;
  }
};

TEST_F(CrashedProbesTest, KnowsAVersionAcrossRestarts) {
  const WantedDataset bad = VersionWith("bad", "e1");
  CrashedProbes crashed(file, "1");
  EXPECT_EQ(crashed.Find(bad), nullptr);
  crashed.Add(bad, "it ended");
  EXPECT_EQ(*crashed.Find(bad), "it ended");
  EXPECT_EQ(*CrashedProbes(file, "1").Find(bad), "it ended");
  EXPECT_TRUE(IsKnown(VersionWith("bad", "e1", 7))) << "the objects are the same";
  EXPECT_FALSE(IsKnown(VersionWith("bad", "e2")));
  EXPECT_FALSE(IsKnown(VersionWith("other", "e1")));
  fs::remove(file);
  EXPECT_FALSE(IsKnown(bad));
}

TEST_F(CrashedProbesTest, WithoutEtagsTheTimeOfTheChangeCounts) {
  CrashedProbes crashed(file, "1");
  crashed.Add(VersionWith("bad", "", 1), "it ended");
  EXPECT_TRUE(IsKnown(VersionWith("bad", "", 1)));
  EXPECT_FALSE(IsKnown(VersionWith("bad", "", 2)));
}

TEST_F(CrashedProbesTest, AnotherVersionOfTheProgramsTriesAgain) {
  CrashedProbes(file, "1").Add(VersionWith("bad", "e"), "it ended");
  EXPECT_TRUE(IsKnown(VersionWith("bad", "e"), "1"));
  EXPECT_FALSE(IsKnown(VersionWith("bad", "e"), "2"));
}

TEST_F(CrashedProbesTest, IsBounded) {
  CrashedProbes crashed(file, "1");
  for (size_t i = 0; i <= CrashedProbes::kEntriesMax; ++i) {
    crashed.Add(VersionWith("d" + std::to_string(i), "e"), std::string(100'000, 'x'));
  }
  EXPECT_EQ(crashed.size(), CrashedProbes::kEntriesMax);
  EXPECT_FALSE(IsKnown(VersionWith("d0", "e")));
  EXPECT_TRUE(IsKnown(VersionWith("d1", "e")));
  EXPECT_LT(Text().size(), 2'000'000U);
}

TEST_F(CrashedProbesTest, IgnoresAFileThatItCannotRead) {
  const WantedDataset bad = VersionWith("bad", "e");
  for (const char* text : {"", "{", "[]", "{}", R"({"writer":"1","datasets":[{"name":7}]})",
                           R"({"writer":1,"datasets":{}})"}) {
    Write(text);
    EXPECT_FALSE(IsKnown(bad)) << text;
  }
  Write(std::string(5'000'000, '['));
  EXPECT_FALSE(IsKnown(bad));
  CrashedProbes(file, "1").Add(bad, "it ended");
  EXPECT_TRUE(IsKnown(bad)) << "the file is written again";
}

TEST_F(CrashedProbesTest, IgnoresAFileThatOthersMayWrite) {
  const WantedDataset bad = VersionWith("bad", "e");
  CrashedProbes(file, "1").Add(bad, "it ended");
  struct stat status = {};
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  fs::permissions(file, fs::perms::group_write, fs::perm_options::add);
  EXPECT_FALSE(IsKnown(bad));
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_TRUE(IsKnown(bad));
  fs::rename(file, folder / "elsewhere");
  fs::create_symlink(folder / "elsewhere", file);
  EXPECT_FALSE(IsKnown(bad));
}

TEST_F(CrashedProbesTest, CutsALongErrorBetweenCharacters) {
  const WantedDataset bad = VersionWith("bad", "e");
  CrashedProbes crashed(file, "1");
  std::string error = "x";
  while (error.size() <= CrashedProbes::kErrorBytesMax) error += "\xC3\xA4";
  crashed.Add(bad, error);
  EXPECT_LE(crashed.Find(bad)->size(), CrashedProbes::kErrorBytesMax);
  EXPECT_TRUE(IsValidUtf8(*crashed.Find(bad)));
}

TEST_F(CrashedProbesTest, WorksIfTheFileCannotBeWritten) {
  const WantedDataset bad = VersionWith("bad", "e");
  CrashedProbes crashed(folder / "missing" / "probes.json", "1");
  crashed.Add(bad, "it ended");
  EXPECT_NE(crashed.Find(bad), nullptr);
}

TEST_F(CrashedProbesTest, EachCatalogueHasAFileOfItsOwn) {
  EXPECT_NE(CrashedProbesFile("/x", "one"), CrashedProbesFile("/x", "two"));
  EXPECT_EQ(CrashedProbesFile("/x", "one").parent_path(), "/x");
}

}  // namespace
}  // namespace tarn::queryd
