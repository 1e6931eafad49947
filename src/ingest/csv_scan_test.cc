#include "ingest/csv_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tarn::ingest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CsvScanTest : public testing::Test {
 protected:
  ~CsvScanTest() override { std::filesystem::remove(path_); }

  Result<CsvScan> Scan(const std::string& text, const CsvSyntax& syntax = {}) {
    std::ofstream(path_, std::ios::binary) << text;
    return ScanCsv({.path = path_}, syntax, [](uint64_t) { return Result<>(); });
  }
  std::string ErrorOf(const std::string& text) {
    const Result<CsvScan> scan = Scan(text);
    return scan.ok() ? "" : scan.error().message;
  }

  const std::string path_ = testing::TempDir() + "csv_scan_test-" + std::to_string(getpid());
};

TEST_F(CsvScanTest, FindsNamesTypesAndRows) {
  const auto scan = Scan("id,\"na\"\"me\"\n1,x\n2,\"y,\nz\"\n\n,\n");
  ASSERT_TRUE(scan.ok()) << scan.error().message;
  EXPECT_THAT(scan->first, ElementsAre("id", "na\"me"));
  EXPECT_EQ(scan->rows, 3U);
  EXPECT_EQ(scan->columns[0].Type(), "BIGINT");
  EXPECT_EQ(scan->columns[1].Type(), "VARCHAR");
  EXPECT_TRUE(scan->has_quoted_line_ends);
  EXPECT_FALSE(scan->ragged);
}

TEST_F(CsvScanTest, FindsTheFirstLineWithOtherFields) {
  for (const char* end : {"\n", "\r\n"}) {
    std::string text = std::string("a,b") + end;
    for (int i = 0; i < 100'000; ++i) text += std::string("1,\"x\ny\"") + end;
    const auto scan = Scan(text + "1,2,3" + end + "1" + end);
    ASSERT_TRUE(scan.ok()) << scan.error().message;
    ASSERT_TRUE(scan->ragged);
    EXPECT_EQ(scan->ragged->line, 200'002U);
    EXPECT_EQ(scan->ragged->fields, 3U);
    EXPECT_EQ(scan->ragged->text, "1,2,3");
  }
}

TEST_F(CsvScanTest, DetectsTheKindOfLineEnds) {
  EXPECT_EQ(Scan("a\n1\n")->line_ends, LineEnds::kLf);
  EXPECT_EQ(Scan("a\r\n1")->line_ends, LineEnds::kCrLf);
  EXPECT_EQ(Scan("a\r1\r")->line_ends, LineEnds::kCr);
  EXPECT_EQ(Scan("a\r\n1\n")->line_ends, LineEnds::kMixed);
}

TEST_F(CsvScanTest, AppliesTheSyntax) {
  EXPECT_EQ(Scan("x\ny\na;b\n1;2\n", {.delimiter = ';', .lines_to_skip = 2})->rows, 1U);
  EXPECT_EQ(Scan("1,2\n3,4\n", {.has_header = false})->rows, 2U);
  EXPECT_EQ(Scan("a,b\n1\n", {.may_be_short = true})->rows, 1U);
  EXPECT_EQ(Scan("a,b\n\"x\\\",y\",1\n", {.escape = '\\'})->rows, 1U);
  EXPECT_EQ(Scan("a,b\n\"x,1\n", {.quote = 0, .escape = 0})->rows, 1U);
  EXPECT_EQ(Scan("a\n1\nNA\n", {.null_text = "NA"})->columns[0].Type(), "BIGINT");
  EXPECT_EQ(Scan("a\n1\n\"\"\n", {.has_quoted_nulls = false})->columns[0].Type(), "VARCHAR");
}

TEST_F(CsvScanTest, NamesTheLineOfAnError) {
  EXPECT_THAT(ErrorOf("a\n\"x\n"), HasSubstr("line 2: a quote is opened and never closed"));
  EXPECT_THAT(ErrorOf("a\n\n\"x\" y\n"), HasSubstr("line 3: there is text after"));
  EXPECT_THAT(ErrorOf("a\n1\nzo\xe9\n"), HasSubstr("line 3: the byte 0xE9 at position 3"));
  EXPECT_THAT(ErrorOf("a\n1\nzo\xc3"), HasSubstr("line 3: the byte 0xC3"));
}

TEST_F(CsvScanTest, AcceptsRecordsLargerThanABlock) {
  const std::string large = "a,b\n\"" + std::string(3'000'000, '\n') + "\",\xc3\xa9\n";
  const auto scan = Scan(large + "1,2\n");
  ASSERT_TRUE(scan.ok()) << scan.error().message;
  EXPECT_EQ(scan->rows, 2U);
  EXPECT_EQ(scan->longest_record, large.size() - 4);
}

}  // namespace
}  // namespace tarn::ingest
