#include "cli/terminal/output_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public testing::Test {
 protected:
  OutputFileTest() { fs::create_directories(folder_); }
  ~OutputFileTest() override { fs::remove_all(folder_); }

  static std::string Read(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  size_t CountFiles() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }
  const fs::path folder_ =
      fs::path(testing::TempDir()) / ("output_file_test-" + std::to_string(getpid()));
  const fs::path path_ = folder_ / "out.csv";
};

TEST_F(OutputFileTest, AppearsWhenComplete) {
  auto file = OutputFile::Open(path_);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->Write("a\n").ok());
  EXPECT_FALSE(fs::exists(path_));
  ASSERT_TRUE(file->Write("1\n").ok());
  ASSERT_TRUE(file->Finish().ok());
  EXPECT_EQ(Read(path_), "a\n1\n");
  EXPECT_EQ(CountFiles(), 1U);
}

TEST_F(OutputFileTest, KeepsTheFormerFileIfUnfinished) {
  std::ofstream(path_) << "former";
  {
    auto file = OutputFile::Open(path_);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->Write("half").ok());
  }
  EXPECT_EQ(Read(path_), "former");
  EXPECT_EQ(CountFiles(), 1U);
}

TEST_F(OutputFileTest, KeepsPermissions) {
  std::ofstream(path_) << "former";
  chmod(path_.c_str(), 0600);
  auto file = OutputFile::Open(path_);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->Write("new").ok());
  ASSERT_TRUE(file->Finish().ok());
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms(0600));
  EXPECT_EQ(Read(path_), "new");
}

TEST_F(OutputFileTest, KeepsLinks) {
  const fs::path link = folder_ / "link.csv";
  std::ofstream(path_) << "former";
  fs::create_symlink("out.csv", link);
  auto file = OutputFile::Open(link);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->Write("new").ok());
  ASSERT_TRUE(file->Finish().ok());
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(Read(path_), "new");
}

TEST_F(OutputFileTest, WritesDevicesDirectly) {
  auto file = OutputFile::Open("/dev/null");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->Write("x").ok());
  ASSERT_TRUE(file->Finish().ok());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(OutputFileTest, NamesThePathInErrors) {
  const auto nowhere = OutputFile::Open(folder_ / "no" / "such" / "folder");
  ASSERT_FALSE(nowhere.ok());
  EXPECT_NE(nowhere.error().message.find("such/folder"), std::string::npos);
  auto full = OutputFile::Open("/dev/full");
  ASSERT_TRUE(full.ok());
  const bool is_written = full->Write("x").ok() && full->Finish().ok();
  EXPECT_FALSE(is_written);
}

}  // namespace
}  // namespace tarn::cli
