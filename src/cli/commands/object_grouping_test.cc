#include "cli/commands/object_grouping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ObjectGroupingTest : public testing::Test {
 protected:
  // Returns "name: key key" for each dataset.
  std::vector<std::string> Group(const std::vector<std::string>& keys,
                                 const std::string& prefix = "") {
    std::vector<catalog::ObjectRef> objects;
    for (const std::string& key : keys) objects.push_back({.key = key, .etag = "\"1\""});
    std::vector<std::string> out;
    for (const FoundDataset& dataset : GroupObjects(objects, prefix, problems)) {
      std::string line = dataset.name + ":";
      for (const auto& object : dataset.content.objects) line += " " + object.key;
      out.push_back(std::move(line));
    }
    return out;
  }
  std::vector<std::string> problems;
};

TEST_F(ObjectGroupingTest, ObjectsAndFoldersAreDatasets) {
  EXPECT_THAT(
      Group({"trips.parquet", "events/2026/b.parquet", "Upper.PARQUET", "notes.txt",
             "events/2026/a.parquet", "events/readme.txt", "empty/", "x.parquet/"}),
      ElementsAre("Upper: Upper.PARQUET", "events: events/2026/a.parquet events/2026/b.parquet",
                  "trips: trips.parquet"));
  EXPECT_THAT(problems, IsEmpty());
}

TEST_F(ObjectGroupingTest, GroupsBelowAPrefix) {
  EXPECT_THAT(Group({"a/b/c.parquet", "a/b/d/e.parquet", "a/b/d/f/g.parquet"}, "a/b/"),
              ElementsAre("c: a/b/c.parquet", "d: a/b/d/e.parquet a/b/d/f/g.parquet"));
  // The prefix itself is never hidden.
  EXPECT_THAT(Group({"_a/.b/c.parquet"}, "_a/.b/"), ElementsAre("c: _a/.b/c.parquet"));
}

TEST_F(ObjectGroupingTest, IgnoresHiddenNames) {
  EXPECT_THAT(Group({".parquet", ".a.parquet", "_a.parquet", "_delta/a.parquet", "e/.a/b.parquet",
                     "e/a/_b.parquet", "e/.parquet", "e/a_.parquet"}),
              ElementsAre("e: e/a_.parquet"));
}

TEST_F(ObjectGroupingTest, AcceptsFoldersThatEndLikeFiles) {
  EXPECT_THAT(Group({"a.parquet/b.parquet", "b.parquet"}),
              ElementsAre("a.parquet: a.parquet/b.parquet", "b: b.parquet"));
}

TEST_F(ObjectGroupingTest, ReportsNamesThatCannotBeDatasets) {
  EXPECT_THAT(Group({"trips.parquet", "trips/a.parquet", "TRIPS.parquet", "bad\nname.parquet",
                     "\xff.parquet", "/a.parquet"}),
              ElementsAre("TRIPS: TRIPS.parquet"));
  EXPECT_THAT(problems,
              ElementsAre(HasSubstr(": name"), HasSubstr("control characters"),
                          HasSubstr("trips: another dataset"),
                          HasSubstr("trips.parquet: another dataset"), HasSubstr("UTF-8")));
}

}  // namespace
}  // namespace tarn::cli
