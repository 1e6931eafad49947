#include "ingest/json_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tarn::ingest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class JsonRecordsTest : public testing::Test {
 protected:
  ~JsonRecordsTest() override { std::filesystem::remove(path_); }

  // The batches of a file; its error is the last one.
  std::vector<std::string> Batches(const std::string& text,
                                   JsonLayout layout = JsonLayout::kFound) {
    std::ofstream(path_, std::ios::binary) << text;
    std::vector<std::string> batches;
    auto records = JsonRecords::Open({.text = {.path = path_}, .layout = layout},
                                     [](uint64_t) { return Result<>(); });
    EXPECT_TRUE(records.ok());
    for (JsonBatch batch;;) {
      const auto has_records = records->Next(batch);
      if (!has_records.ok()) batches.push_back(has_records.error().message);
      if (!has_records.ok() || !*has_records) return batches;
      batches.push_back(batch.text.substr(0, batch.length));
      for (const JsonBatch::Record& record : batch.records) lines_.push_back(record.line);
    }
  }

  const std::string path_ = testing::TempDir() + "json_records_test-" + std::to_string(getpid());
  std::vector<uint64_t> lines_;
};

TEST_F(JsonRecordsTest, AreElementsOrDocuments) {
  EXPECT_THAT(Batches(R"( [ {"a":"]"} , 1,"x\"," ] )"), ElementsAre(R"([{"a":"]"},1,"x\","])"));
  EXPECT_THAT(Batches("{\"a\":[1]}{\"b\":2}\n\n3 true\"x\"\n"),
              ElementsAre(R"([{"a":[1]},{"b":2},3,true,"x"])"));
  EXPECT_THAT(lines_, ElementsAre(1, 1, 1, 1, 1, 3, 3, 3));
  EXPECT_THAT(Batches("[1]\n[2]", JsonLayout::kDocuments), ElementsAre("[[1],[2]]"));
  EXPECT_THAT(Batches("[]"), ElementsAre());
  EXPECT_THAT(Batches(" \n"), ElementsAre());
}

TEST_F(JsonRecordsTest, AreDividedIntoBatches) {
  std::string text;
  for (size_t i = 0; i < 3 * kBatchRecordsMax; ++i) text += "{\"a\":1}\n";
  EXPECT_EQ(Batches(text).size(), 3U);
  const std::string large = "{\"a\":\"" + std::string(2'000'000, 'x') + "\"}";
  EXPECT_THAT(Batches(large + large), ElementsAre("[" + large + "]", "[" + large + "]"));
}

TEST_F(JsonRecordsTest, ReportIncompleteFiles) {
  EXPECT_THAT(Batches("[1,\n"), ElementsAre(HasSubstr("line 2: the file is cut off")));
  EXPECT_THAT(Batches("[1"), ElementsAre(HasSubstr("cut off")));
  EXPECT_THAT(Batches("{\"a\":\"}"), ElementsAre(HasSubstr("within a record")));
  EXPECT_THAT(Batches("[1,]"), ElementsAre(HasSubstr("after a comma")));
  EXPECT_THAT(Batches("[,1]"), ElementsAre(HasSubstr("after a comma")));
  EXPECT_THAT(Batches("[1 2]"), ElementsAre(HasSubstr("a comma is missing")));
  EXPECT_THAT(Batches("[1]\n[2]"), ElementsAre(HasSubstr("data after the end")));
  EXPECT_THAT(Batches("1,2"), ElementsAre(HasSubstr("there is no value")));
}

}  // namespace
}  // namespace tarn::ingest
