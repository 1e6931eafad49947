#include "ingest/csv_rewrite.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace tarn::ingest {
namespace {

class CsvRewriteTest : public testing::Test {
 protected:
  ~CsvRewriteTest() override {
    std::filesystem::remove(path_);
    std::filesystem::remove(out_);
  }

  std::string Rewrite(const std::string& text, const CsvSyntax& syntax = {}) {
    std::filesystem::remove(out_);
    std::ofstream(path_, std::ios::binary) << text;
    const auto longest =
        RewriteCsv({.path = path_}, syntax, out_, [](uint64_t) { return Result<>(); });
    if (!longest.ok()) return longest.error().message;
    longest_ = *longest;
    std::stringstream content;
    content << std::ifstream(out_, std::ios::binary).rdbuf();
    return content.str();
  }

  const std::string path_ = testing::TempDir() + "csv_rewrite_test-" + std::to_string(getpid());
  const std::string out_ = path_ + ".out";
  uint64_t longest_ = 0;
};

TEST_F(CsvRewriteTest, WritesOneKindOfLineEnd) {
  EXPECT_EQ(Rewrite("a,b\r1,2\n3,4\r\n5,"), "a,b\n1,2\n3,4\n5,\n");
  EXPECT_EQ(longest_, 4U);
}

TEST_F(CsvRewriteTest, LeavesOutBlankAndSkippedLines) {
  EXPECT_EQ(Rewrite("\n\r\na,b\n\n1,2\n"), "a,b\n1,2\n");
  EXPECT_EQ(Rewrite("title\na,b\n1,2\n", {.lines_to_skip = 1}), "a,b\n1,2\n");
  EXPECT_EQ(Rewrite("\na\n\n1\n"), "a\n\n1\n");  // A blank line is a value of the only column.
}

TEST_F(CsvRewriteTest, QuotesFieldsThatNeedIt) {
  EXPECT_EQ(Rewrite("a;b\n1,5;\"x\ny\"\n", {.delimiter = ';'}), "a,b\n\"1,5\",\"x\ny\"\n");
  EXPECT_EQ(Rewrite("a\tb\n\"1\t2,3\n", {.delimiter = '\t', .quote = 0, .escape = 0}),
            "a,b\n\"\"\"1\",\"2,3\"\n");
}

TEST_F(CsvRewriteTest, KeepsQuotesAndReplacesEscapes) {
  EXPECT_EQ(Rewrite("a,b\n\"\",\"1\"\n"), "a,b\n\"\",\"1\"\n");
  EXPECT_EQ(Rewrite("a,b\n\"\"\"x\"\"\",\n"), "a,b\n\"\"\"x\"\"\",\n");
  EXPECT_EQ(Rewrite("a,b\n\"\\\"x\\\\\",\"\\n\"\n", {.escape = '\\'}),
            "a,b\n\"\"\"x\\\",\"\\n\"\n");
  EXPECT_EQ(Rewrite("a,b\n'it''s',1\n", {.quote = '\'', .escape = '\''}), "a,b\n\"it's\",1\n");
}

TEST_F(CsvRewriteTest, KeepsAByteOrderMarkThatIsAValue) {
  EXPECT_EQ(Rewrite("\xEF\xBB\xBF\xEF\xBB\xBF"
                    "a,b\n1,2\n"),
            "\"\xEF\xBB\xBF"
            "a\",b\n1,2\n");
}

TEST_F(CsvRewriteTest, OverwritesNoFile) {
  Rewrite("a\n1\n");
  const auto again = RewriteCsv({.path = path_}, {}, out_, [](uint64_t) { return Result<>(); });
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().kind, ErrorKind::kUnavailable);
}

}  // namespace
}  // namespace tarn::ingest
