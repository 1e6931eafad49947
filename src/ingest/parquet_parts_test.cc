#include "ingest/parquet_parts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "duck/quote.h"
#include "ingest/parquet_files.h"
#include "ingest/test_folder.h"

namespace tarn::ingest {
namespace {

constexpr uint64_t kRows = 500'000;
constexpr uint64_t kGroupRows = 122'880;

class DivideParquetTest : public testing::Test {
 protected:
  std::filesystem::path Write() {
    const std::filesystem::path file = workspace_.path() / "rows.parquet";
    const Result<> written = converter_.Run(
        fmt::format("COPY (SELECT range AS n, hash(range) AS h FROM range({})) TO {} ({})", kRows,
                    duck::QuoteLiteral(file.string()), kParquetOptions));
    EXPECT_TRUE(written.ok()) << written.error().message;
    return file;
  }

  TestFolder workspace_;
  Converter converter_ = *Converter::Open(workspace_.path(), {});
};

TEST_F(DivideParquetTest, KeepsTheOrderOfTheRows) {
  const std::filesystem::path file = Write();
  const uint64_t bytes_max = std::filesystem::file_size(file) / 2 + 1;
  const auto parts =
      DivideParquet(file, {.rows = kRows, .group_rows = kGroupRows}, bytes_max, converter_);
  ASSERT_TRUE(parts.ok()) << parts.error().message;
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_FALSE(std::filesystem::exists(file));
  for (size_t part = 0; part < parts->size(); ++part) {
    const uint64_t first = part * 3 * kGroupRows;
    const auto row = converter_.FirstRow(
        fmt::format("SELECT count(*), bool_and(n = file_row_number + {}) FROM read_parquet({}, "
                    "file_row_number = true)",
                    first, PathLiteral((*parts)[part])));
    ASSERT_TRUE(row.ok()) << row.error().message;
    EXPECT_EQ(row->at(0), std::to_string(part == 0 ? 3 * kGroupRows : kRows - 3 * kGroupRows));
    EXPECT_EQ(row->at(1), "true");
  }
}

TEST_F(DivideParquetTest, PartsDoNotDependOnTheNumberOfThreads) {
  std::vector<std::string> first;
  for (const int threads : {2, 4, 8}) {
    ASSERT_TRUE(converter_.UseOneThread(true).ok());
    const std::filesystem::path file = Write();
    ASSERT_TRUE(converter_.Run(fmt::format("SET threads = {}", threads)).ok());
    const uint64_t bytes_max = std::filesystem::file_size(file) / 2 + 1;
    const auto parts =
        DivideParquet(file, {.rows = kRows, .group_rows = kGroupRows}, bytes_max, converter_);
    ASSERT_TRUE(parts.ok()) << parts.error().message;
    std::vector<std::string> contents;
    for (const std::string& part : *parts) {
      std::stringstream content;
      content << std::ifstream(part, std::ios::binary).rdbuf();
      contents.push_back(content.str());
    }
    if (first.empty()) first = contents;
    EXPECT_TRUE(contents == first) << threads << " threads";
  }
}

TEST_F(DivideParquetTest, LeavesSmallFilesAlone) {
  const std::filesystem::path file = Write();
  const auto parts =
      DivideParquet(file, {.rows = kRows, .group_rows = kGroupRows}, uint64_t{1} << 30, converter_);
  ASSERT_TRUE(parts.ok()) << parts.error().message;
  EXPECT_EQ(*parts, std::vector<std::string>{file.string()});
}

TEST(RowGroupRows, AreFewerIfRowsAreLong) {
  EXPECT_EQ(RowGroupRows(5'000'000, 300'000'000, 5), kGroupRows);
  EXPECT_EQ(RowGroupRows(0, 300'000'000, 5), kGroupRows);
  EXPECT_EQ(RowGroupRows(10'000, 100'000'000, 5), 6'144U);
  EXPECT_EQ(RowGroupRows(10, 100'000'000, 5), 2'048U);
  EXPECT_EQ(RowGroupRows(5'000'000, 300'000'000, 10'000), 2'048U);
}

}  // namespace
}  // namespace tarn::ingest
