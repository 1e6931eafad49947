#include "duck/text_batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "duck/database.h"

namespace tarn::duck {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Batches of the given sizes with the columns "number", "half" (NULL in each third row) and "long".
class Numbers : public TextBatchSource {
 public:
  explicit Numbers(std::vector<uint64_t> sizes, std::string error = "")
      : sizes_(std::move(sizes)), error_(std::move(error)) {}
  const std::vector<std::string>& columns() const override { return columns_; }
  Result<std::unique_ptr<TextBatchReader>> Open() const override {
    return std::unique_ptr<TextBatchReader>(std::make_unique<Reader>(*this));
  }

 private:
  class Reader : public TextBatchReader {
   public:
    explicit Reader(const Numbers& source) : source_(source) {}
    Result<TextBatch> Next() override {
      TextBatch batch(3);
      if (at_ == source_.sizes_.size()) {
        if (!source_.error_.empty()) return InvalidArgument(source_.error_);
        return batch;
      }
      for (uint64_t i = 0; i < source_.sizes_[at_]; ++i, ++row_) {
        batch.Add(0, std::to_string(row_));
        if (row_ % 3 == 0) {
          batch.AddNull(1);
        } else {
          batch.Add(1, "x" + std::to_string(row_ / 2));
        }
        batch.Add(2, "a text of more than twelve bytes " + std::to_string(row_));
        batch.EndRow();
      }
      ++at_;
      return batch;
    }

   private:
    const Numbers& source_;
    size_t at_ = 0;
    uint64_t row_ = 0;
  };

  std::vector<std::string> columns_ = {"number", "ha\"lf", "long"};
  std::vector<uint64_t> sizes_;
  std::string error_;
};

class TextBatchesTest : public testing::Test {
 protected:
  // The first row of a statement, whose columns are texts.
  Result<std::vector<std::string>> Row(const std::string& sql) {
    TARN_TRY(Statement statement, connection_.Prepare(sql));
    TARN_TRY(ResultStream rows, statement.Execute());
    TARN_TRY(const std::optional<Chunk> chunk, rows.Next());
    std::vector<std::string> row;
    for (const VectorView& column : chunk->columns()) {
      row.emplace_back(column.Data<StringRef>()[0].view());
    }
    return row;
  }

  Connection connection_ = *Database::Open({})->Connect();
};

TEST_F(TextBatchesTest, GivesAllRowsInEveryPass) {
  ASSERT_TRUE(
      connection_.RegisterBatches("numbers", std::make_shared<Numbers>(std::vector{5000UL, 1UL}))
          .ok());
  for (int pass = 0; pass < 2; ++pass) {
    const auto row =
        Row("SELECT count(*)::VARCHAR, sum(number::BIGINT)::VARCHAR, count(\"ha\"\"lf\")::VARCHAR, "
            "max(\"ha\"\"lf\"), max(length(long))::VARCHAR FROM (SELECT * FROM numbers) "
            "WHERE long = 'a text of more than twelve bytes ' || number");
    ASSERT_TRUE(row.ok()) << row.error().message;
    EXPECT_THAT(*row, ElementsAre("5001", "12502500", "3334", "x999", "37"));
  }
}

TEST_F(TextBatchesTest, BatchesBecomeRowGroupsInTheirOrder) {
  const std::string path = testing::TempDir() + "text_batches_test.parquet";
  ASSERT_TRUE(connection_
                  .RegisterBatches("numbers",
                                   std::make_shared<Numbers>(std::vector{3UL, 9000UL, 1UL, 2050UL}))
                  .ok());
  ASSERT_TRUE(connection_
                  .Execute("COPY (SELECT number::BIGINT AS n, \"ha\"\"lf\", long FROM numbers) TO "
                           "'" +
                           path + "' (FORMAT parquet, ROW_GROUP_SIZE 0)")
                  .ok());
  const auto sizes =
      Row("SELECT string_agg(DISTINCT row_group_id || ':' || row_group_num_rows, ' ' ORDER BY "
          "row_group_id || ':' || row_group_num_rows) FROM parquet_metadata('" +
          path + "')");
  ASSERT_TRUE(sizes.ok()) << sizes.error().message;
  EXPECT_THAT(*sizes, ElementsAre("0:3 1:9000 2:1 3:2050"));
  const auto ordered = Row("SELECT count_if(n <> file_row_number)::VARCHAR FROM read_parquet('" +
                           path + "', file_row_number = true)");
  EXPECT_THAT(*ordered, ElementsAre("0"));
}

TEST_F(TextBatchesTest, ReportsTheErrorOfTheReader) {
  ASSERT_TRUE(
      connection_
          .RegisterBatches("numbers", std::make_shared<Numbers>(std::vector{3UL}, "line 4 is bad"))
          .ok());
  const auto row = Row("SELECT max(number), max(\"ha\"\"lf\"), max(long) FROM numbers");
  ASSERT_FALSE(row.ok());
  EXPECT_THAT(row.error().message, HasSubstr("line 4 is bad"));
}

}  // namespace
}  // namespace tarn::duck
