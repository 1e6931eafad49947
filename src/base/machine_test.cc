#include "base/machine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tarn {
namespace {

class MachineTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "cgroupXXXXXX";
    root = mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(root); }
  void Write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << '\n';
  }
  std::string root;
};

TEST_F(MachineTest, UsesTheLowestMemoryLimitOfAllParentGroups) {
  Write("/a/b/memory.max", "max");
  EXPECT_EQ(CgroupMemoryLimit(root, "/a/b"), 0);
  Write("/a/memory.max", "1000000");
  EXPECT_EQ(CgroupMemoryLimit(root, "/a/b"), 1000000);
  Write("/a/b/memory.max", "2000000");
  EXPECT_EQ(CgroupMemoryLimit(root, "/a/b"), 1000000);
  Write("/memory.max", "500000");
  EXPECT_EQ(CgroupMemoryLimit(root, "/a/b"), 500000);
  EXPECT_EQ(CgroupMemoryLimit(root, "/"), 500000);
}

TEST_F(MachineTest, DividesTheCpuQuotaByThePeriod) {
  Write("/a/cpu.max", "max 100000");
  EXPECT_EQ(CgroupCpuLimit(root, "/a"), 0);
  Write("/a/cpu.max", "150000 100000");
  EXPECT_EQ(CgroupCpuLimit(root, "/a"), 1.5);
  Write("/cpu.max", "50000 100000");
  EXPECT_EQ(CgroupCpuLimit(root, "/a"), 0.5);
}

TEST_F(MachineTest, FindsCoresAndMemory) {
  EXPECT_GE(MachineCores(), 1U);
  EXPECT_GT(MachineMemory(), 100'000'000U);
}

}  // namespace
}  // namespace tarn
