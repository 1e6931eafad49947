#include "queryd/execution/temp_directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "base/text.h"

namespace tarn::queryd {
namespace {

namespace fs = std::filesystem;

class TempDirectoryTest : public testing::Test {
 protected:
  const fs::path parent = fs::path(testing::TempDir()) / ("tarn-temp-" + RandomId());
  ~TempDirectoryTest() override { fs::remove_all(parent); }

  // Makes the folder that a queryd with this pid would leave behind.
  fs::path Leave(const std::string& name) {
    const fs::path path = parent / name;
    fs::create_directories(path / "below");
    std::ofstream(path / "below" / "file") << "x";
    return path;
  }
  // Returns the pid of a process that has just ended.
  static pid_t GonePid() {
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    waitpid(pid, nullptr, 0);
    return pid;
  }
};

TEST_F(TempDirectoryTest, IsPrivateAndRemovedWithItsContent) {
  fs::path path;
  {
    const Result<TempDirectory> temp = TempDirectory::Make(parent.string());
    ASSERT_TRUE(temp.ok()) << temp.error().message;
    path = temp->path();
    EXPECT_TRUE(path.is_absolute());
    EXPECT_EQ(path.parent_path(), parent);
    struct stat status = {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
    std::ofstream(path / "spilled") << "x";
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(fs::exists(parent));
}

TEST_F(TempDirectoryTest, RemovesFoldersOfEndedProcesses) {
  const fs::path gone = Leave(fmt::format("tarn-spill-{}", GonePid()));
  const fs::path own = Leave(fmt::format("tarn-spill-{}", getpid()));
  const fs::path living = Leave(fmt::format("tarn-spill-{}", getppid()));
  const fs::path odd = Leave("tarn-spill-");
  const fs::path negative = Leave("tarn-spill--12345");
  const fs::path longer = Leave(fmt::format("tarn-spill-{}x", GonePid()));
  const fs::path other = Leave("other");
  const Result<TempDirectory> temp = TempDirectory::Make(parent.string());
  ASSERT_TRUE(temp.ok());
  EXPECT_FALSE(fs::exists(gone));
  EXPECT_TRUE(fs::is_empty(own)) << "left by an earlier process of this id";
  for (const fs::path& path : {living, odd, negative, longer, other}) {
    EXPECT_TRUE(fs::exists(path / "below" / "file")) << path;
  }
}

TEST_F(TempDirectoryTest, FollowsNoLinks) {
  const fs::path target = Leave("target");
  const fs::path link = parent / fmt::format("tarn-spill-{}", getpid());
  fs::create_directory_symlink(target, link);
  const Result<TempDirectory> temp = TempDirectory::Make(parent.string());
  ASSERT_TRUE(temp.ok());
  EXPECT_FALSE(fs::is_symlink(link));
  EXPECT_TRUE(fs::exists(target / "below" / "file"));
}

TEST_F(TempDirectoryTest, ErrorsNameTheSetting) {
  fs::create_directories(parent);
  std::ofstream(parent / "file") << "x";
  const Result<TempDirectory> temp = TempDirectory::Make((parent / "file").string());
  ASSERT_FALSE(temp.ok());
  EXPECT_EQ(temp.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(temp.error().message, testing::StartsWith("queryd.temp_directory: cannot make "));
}

TEST_F(TempDirectoryTest, AMovedFolderIsRemovedOnce) {
  Result<TempDirectory> made = TempDirectory::Make(parent.string());
  ASSERT_TRUE(made.ok());
  const fs::path path = made->path();
  {
    const TempDirectory moved = std::move(*made);
    EXPECT_EQ(moved.path(), path);
    EXPECT_TRUE(made->path().empty());
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(TempDirectory().path().empty());
}

}  // namespace
}  // namespace tarn::queryd
