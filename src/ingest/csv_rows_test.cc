#include "ingest/csv_rows.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "duck/database.h"

namespace tarn::ingest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CsvRowsTest : public testing::Test {
 protected:
  ~CsvRowsTest() override { std::filesystem::remove_all(folder_); }

  CsvRowsFile Write(const std::string& name, const std::string& text, std::vector<size_t> columns,
                    const CsvSyntax& syntax = {}) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return {.text = {.path = folder_ / name}, .syntax = syntax, .columns = std::move(columns)};
  }

  // The number of rows and bytes of each batch.
  static std::vector<std::pair<uint64_t, uint64_t>> Sizes(const CsvRows& rows) {
    std::vector<std::pair<uint64_t, uint64_t>> sizes;
    auto reader = *rows.Open();
    for (;;) {
      const auto batch = reader->Next();
      if (!batch.ok() || batch->rows() == 0) return sizes;
      sizes.emplace_back(batch->rows(), batch->bytes());
    }
  }

  // The rows as texts "a|b|-", with a dash for NULL.
  static std::vector<std::string> Rows(std::vector<std::string> columns,
                                       std::vector<CsvRowsFile> files) {
    auto connection = *duck::Database::Open({})->Connect();
    const auto source =
        std::make_shared<CsvRows>(std::move(columns), std::move(files), BatchLimits{.rows = 2});
    EXPECT_TRUE(connection.RegisterBatches("r", source).ok());
    auto statement = *connection.Prepare(
        "SELECT concat_ws('|', coalesce(a, '-'), coalesce(b, '-'), coalesce(c, '-')) FROM r");
    auto rows = *statement.Execute();
    std::vector<std::string> texts;
    for (;;) {
      const auto chunk = rows.Next();
      if (!chunk.ok() || !*chunk) return texts;
      for (uint64_t i = 0; i < (*chunk)->row_count(); ++i) {
        texts.emplace_back((*chunk)->columns()[0].Data<duck::StringRef>()[i].view());
      }
    }
  }

  const std::filesystem::path folder_ =
      testing::TempDir() + "csv_rows_test-" + std::to_string(getpid());
};

TEST_F(CsvRowsTest, GivesTheRowsOfAllFilesInTheirOrder) {
  const auto first = Write("a.csv", "a,b\n1,x\n,\"\"\n3,\"say \"\"hi\"\"\"\n", {0, 1});
  const auto second = Write("b.csv", "y;7\n", {2, 0}, {.delimiter = ';', .has_header = false});
  EXPECT_THAT(Rows({"a", "b", "c"}, {first, second}),
              ElementsAre("1|x|-", "-|-|-", "3|say \"hi\"|-", "7|-|y"));
}

TEST_F(CsvRowsTest, ShortRecordsEndInNull) {
  const auto file = Write("a.csv", "a,b,c\n1\n2,x\n", {0, 1, 2}, {.may_be_short = true});
  EXPECT_THAT(Rows({"a", "b", "c"}, {file}), ElementsAre("1|-|-", "2|x|-"));
}

TEST_F(CsvRowsTest, BatchesDependOnTheRowsOnly) {
  const std::string text = "a\n1\n2\n3\n4\nlong text\n6\n7\n";
  for (const size_t block_bytes : {1UL, 5UL, 1000UL}) {
    CsvRowsFile file = Write("a.csv", text, {0});
    file.text.block_bytes = block_bytes;
    const CsvRows by_rows({"a"}, {file}, {.rows = 3});
    EXPECT_THAT(Sizes(by_rows), ElementsAre(std::pair(3, 3), std::pair(3, 11), std::pair(1, 1)));
    const CsvRows by_bytes({"a"}, {file}, {.rows = 100, .bytes = 8});
    EXPECT_THAT(Sizes(by_bytes), ElementsAre(std::pair(5, 13), std::pair(2, 2)));
  }
}

TEST_F(CsvRowsTest, ParquetDoesNotDependOnTheNumberOfThreads) {
  constexpr int kRowCount = 1'100'000;
  std::string text = "a,b\n";
  for (int i = 0; i < kRowCount; ++i) text += fmt::format("{},{}\n", i, i % 7 == 0 ? "" : "text");
  const auto file = Write("a.csv", text, {0, 1});
  const std::string out = folder_ / "rows.parquet";
  std::string first;
  for (const int threads : {2, 2, 4, 4, 8, 8}) {
    auto connection = *duck::Database::Open({{"threads", std::to_string(threads)}})->Connect();
    const auto rows = std::make_shared<CsvRows>(std::vector<std::string>{"a", "b"},
                                                std::vector{file}, BatchLimits{.rows = 20'000});
    ASSERT_TRUE(connection.RegisterBatches("r", rows).ok());
    const auto copied =
        connection.Execute("COPY (SELECT CAST(a AS BIGINT) AS a, b FROM r) TO '" + out +
                           "' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 0)");
    ASSERT_TRUE(copied.ok()) << copied.error().message;
    std::stringstream content;
    content << std::ifstream(out, std::ios::binary).rdbuf();
    if (first.empty()) first = content.str();
    EXPECT_TRUE(content.str() == first) << threads << " threads";
  }
  EXPECT_GT(first.size(), 1000U);
}

TEST_F(CsvRowsTest, NamesTheLineOfATextThatBreaksARule) {
  const auto file = Write("a.csv", "a,b\n1,2\n\"x\ny\",3\n4,5.5\n6,7.5\n", {0, 1});
  const CsvRows rows({"a", "b"}, {file}, {.rows = 100}, {{}, {"BIGINT", RuleOf("BIGINT")}});
  const auto reader = *rows.Open();
  for (int time = 0; time < 2; ++time) {
    const auto batch = reader->Next();
    ASSERT_FALSE(batch.ok());
    EXPECT_EQ(batch.error().message,
              fmt::format("\"{}\", line 5: column \"b\": \"5.5\" is no BIGINT", file.text.path));
    EXPECT_EQ(rows.error()->message, batch.error().message);
  }
}

TEST_F(CsvRowsTest, KeepsTheErrorOfAFileThatChanged) {
  const auto file = Write("a.csv", "a,b\n1,2\n3\n", {0, 1});
  const CsvRows rows({"a", "b"}, {file}, {.rows = 100});
  EXPECT_FALSE(rows.error());
  EXPECT_FALSE((*rows.Open())->Next().ok());
  ASSERT_TRUE(rows.error());
  EXPECT_EQ(rows.error()->kind, ErrorKind::kStale);
  EXPECT_THAT(rows.error()->message, HasSubstr("repeat the command"));
}

}  // namespace
}  // namespace tarn::ingest
