#include "base/machine.h"

#include <gtest/gtest.h>
#include <malloc.h>

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

// The sanitizers have an allocator of their own. GCC defines macros, Clang has features.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TARN_HAS_OWN_ALLOCATOR
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TARN_HAS_OWN_ALLOCATOR
#endif
#endif
#ifndef TARN_HAS_OWN_ALLOCATOR
TEST(ReturnLargeBlocks, KeepsFreedBlocksFromRaisingTheThreshold) {
  constexpr size_t kMegabyte = 1024 * 1024;
  // A block of its own is a mapping, which is unmapped when the block is freed.
  const auto is_mapped = [](size_t bytes) {
    const size_t before = mallinfo2().hblks;
    const std::string block(bytes, 'x');
    return block.size() == bytes && mallinfo2().hblks == before + 1;
  };
  EXPECT_TRUE(is_mapped(30 * kMegabyte));
  EXPECT_FALSE(is_mapped(8 * kMegabyte)) << "glibc keeps blocks of this size by now";
  malloc_trim(0);
  ReturnLargeBlocks();
  EXPECT_TRUE(is_mapped(8 * kMegabyte));
  EXPECT_TRUE(is_mapped(30 * kMegabyte));
  EXPECT_TRUE(is_mapped(8 * kMegabyte));
}
#endif

}  // namespace
}  // namespace tarn
