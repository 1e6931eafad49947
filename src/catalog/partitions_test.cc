#include "catalog/partitions.h"

#include <gtest/gtest.h>

namespace tarn::catalog {
namespace {

using Keys = std::vector<std::string>;

// Returns "name TYPE, …" and the prefix, or the problem.
std::string Found(const std::string& dataset, const Keys& keys) {
  const Partitions partitions = FindPartitions(dataset, keys);
  if (!partitions.problem.empty()) return partitions.problem;
  std::string text = "[" + partitions.prefix + "]";
  for (const Partition& column : partitions.columns) text += " " + column.name + " " + column.type;
  return text;
}

// Returns the type of a partition with these values.
std::string TypeOf(const std::vector<std::string>& values) {
  Keys keys;
  for (const std::string& value : values) keys.push_back("t/p=" + value + "/x.parquet");
  return FindPartitions("t", keys).columns.at(0).type;
}

TEST(FindPartitions, StartsBelowTheFolderOfTheDataset) {
  EXPECT_EQ(Found("events", {"events/day=2026-01-31/a.parquet", "events/day=2026-02-01/b.parquet"}),
            "[events/] day DATE");
  EXPECT_EQ(Found("events", {"lake/x=1/events/y=2024/z=a/a.parquet"}),
            "[lake/x=1/events/] y BIGINT z VARCHAR");
  EXPECT_EQ(Found("amount=0", {"amount=0/a.parquet"}), "[amount=0/]");
  EXPECT_EQ(Found("events", {"events/raw/day=2026-01-31/part/a.parquet"}), "[events/] day DATE");
  EXPECT_EQ(Found("events", {"events/a.parquet", "events/b.parquet"}), "[events/]");
}

TEST(FindPartitions, StartsBelowTheCommonFolder) {
  EXPECT_EQ(Found("d", {"raw/y=2024/m=1/a", "raw/y=2024/m=2/b"}), "[raw/] y BIGINT m BIGINT");
  EXPECT_EQ(Found("d", {"raw/y=2024/files/a", "raw/y=2024/files/b"}), "[raw/y=2024/files/]");
  EXPECT_EQ(Found("sales", {"amount=0/sales.parquet"}), "[amount=0/]");
  EXPECT_EQ(Found("d", {"a", "b"}), "[]");
  EXPECT_EQ(Found("d", {"x=1"}), "[]") << "an object is not a folder";
}

TEST(FindPartitions, RequiresTheSameNamesInAllKeys) {
  EXPECT_EQ(Found("t", {"t/a=1/x", "t/b=1/x"}),
            "keys have different partitions: \"t/a=1/x\" has a, \"t/b=1/x\" has b");
  EXPECT_EQ(Found("t", {"t/a=1/x", "t/x"}),
            "keys have different partitions: \"t/a=1/x\" has a, \"t/x\" has no partitions");
  EXPECT_EQ(Found("t", {"t/a=1/b=1/x", "t/b=1/a=1/x"}),
            "keys have different partitions: \"t/a=1/b=1/x\" has a, b, \"t/b=1/a=1/x\" has b, a");
  EXPECT_EQ(Found("t", {"t/a=1/A=2/x"}), "partition \"A\" appears twice in key \"t/a=1/A=2/x\"");
}

TEST(FindPartitions, InfersDateAndBigint) {
  EXPECT_EQ(TypeOf({"2026-01-31", "1999-12-01"}), "DATE");
  EXPECT_EQ(TypeOf({"2026-01-31", "2026-02-30"}), "VARCHAR");
  EXPECT_EQ(TypeOf({"2026-01-31", "7"}), "VARCHAR");
  EXPECT_EQ(TypeOf({"0", "-7", "9223372036854775807"}), "BIGINT");
  EXPECT_EQ(TypeOf({"9223372036854775808"}), "VARCHAR");
  for (const char* text : {"007", "-0", "+1", "1.0", "1e3", "", " 1", "0x10", "true", "NULL"}) {
    EXPECT_EQ(TypeOf({"1", text}), "VARCHAR") << text;
  }
}

TEST(FindPartitions, DecodesNamesAndValues) {
  EXPECT_EQ(TypeOf({"2026%2D01-31"}), "DATE");
  const Partitions found = FindPartitions("t", {"t/a%20b=x%2Fy/k", "t/a%20b=%zz/k"});
  ASSERT_EQ(found.columns.size(), 1U);
  EXPECT_EQ(found.columns[0].name, "a b");
  EXPECT_EQ(found.columns[0].key_name, "a%20b");
  EXPECT_EQ(FindPartitions("t", {"t/%FF%00=1/k"}).columns[0].name, "%FF%00");
}

TEST(FindPartitions, IgnoresNullForTheType) {
  EXPECT_EQ(TypeOf({"__HIVE_DEFAULT_PARTITION__", "7"}), "BIGINT");
  EXPECT_EQ(TypeOf({"__HIVE_DEFAULT_PARTITION__"}), "VARCHAR");
}

}  // namespace
}  // namespace tarn::catalog
