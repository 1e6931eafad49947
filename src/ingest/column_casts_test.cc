#include "ingest/column_casts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "duck/database.h"
#include "duck/quote.h"

namespace tarn::ingest {
namespace {

// Runs the casts in DuckDB.
class CastTest : public testing::Test {
 protected:
  std::string Cast(const std::string& value, const std::string& from, const std::string& to,
                   const TextForms* forms = nullptr) {
    const std::string cast = CastTo({"a \"b\"", from}, to, forms);
    auto statement = connection_->Prepare(fmt::format(
        "SELECT CAST({} AS VARCHAR) || ' ' || typeof({}) FROM (SELECT CAST({} AS {}) AS "
        "\"a \"\"b\"\"\")",
        cast, cast, value, from));
    if (!statement.ok()) return statement.error().message;
    auto rows = statement->Execute();
    if (!rows.ok()) return MessageOf(rows.error());
    const auto chunk = rows->Next();
    if (!chunk.ok()) return MessageOf(chunk.error());
    const auto& column = (*chunk)->columns()[0];
    return column.IsNull(0) ? "NULL" : std::string(column.Data<duck::StringRef>()[0].view());
  }

  static std::string MessageOf(const Error& error) {
    const auto failure = FailureOfCast(error.message);
    return failure ? failure->Message() : error.message;
  }

  Result<duck::Database> database_ = duck::Database::Open({});
  Result<duck::Connection> connection_ = database_->Connect();
};

TEST_F(CastTest, KeepsEqualValues) {
  EXPECT_EQ(Cast("7", "BIGINT", "BIGINT"), "7 BIGINT");
  EXPECT_EQ(Cast("7", "BIGINT", "INTEGER"), "7 INTEGER");
  EXPECT_EQ(Cast("7", "BIGINT", "DOUBLE"), "7.0 DOUBLE");
  EXPECT_EQ(Cast("2.0", "DOUBLE", "BIGINT"), "2 BIGINT");
  EXPECT_EQ(Cast("19.99", "DOUBLE", "DECIMAL(18,2)"), "19.99 DECIMAL(18,2)");
  EXPECT_EQ(Cast("0.1", "DOUBLE", "FLOAT"), "0.1 FLOAT");
  EXPECT_EQ(Cast("1", "BIGINT", "BOOLEAN"), "true BOOLEAN");
  EXPECT_EQ(Cast("'2026-01-02'", "DATE", "TIMESTAMP"), "2026-01-02 00:00:00 TIMESTAMP");
  EXPECT_EQ(Cast("'2026-01-02 00:00:00'", "TIMESTAMP", "DATE"), "2026-01-02 DATE");
  EXPECT_EQ(Cast("'2026-01-02'", "VARCHAR", "DATE"), "2026-01-02 DATE");
  EXPECT_EQ(Cast("NULL", "VARCHAR", "DATE"), "NULL");
  EXPECT_EQ(Cast("[1, NULL]", "BIGINT[]", "SMALLINT[]"), "[1, NULL] SMALLINT[]");
}

TEST_F(CastTest, RefusesCastsThatChangeTheValue) {
  EXPECT_EQ(Cast("1.7", "DOUBLE", "BIGINT"), "column \"a \"b\"\": \"1.7\" is no BIGINT");
  EXPECT_EQ(Cast("300", "BIGINT", "TINYINT"), "column \"a \"b\"\": \"300\" is no TINYINT");
  EXPECT_EQ(Cast("9007199254740993", "BIGINT", "DOUBLE"),
            "column \"a \"b\"\": \"9007199254740993\" is no DOUBLE");
  EXPECT_EQ(Cast("1.005", "DOUBLE", "DECIMAL(18,2)"),
            "column \"a \"b\"\": \"1.005\" is no DECIMAL(18,2)");
  EXPECT_EQ(Cast("2", "BIGINT", "BOOLEAN"), "column \"a \"b\"\": \"2\" is no BOOLEAN");
  EXPECT_EQ(Cast("'2026-01-02 12:00:00'", "TIMESTAMP", "DATE"),
            "column \"a \"b\"\": \"2026-01-02 12:00:00\" is no DATE");
  EXPECT_EQ(Cast("'007'", "VARCHAR", "BIGINT"), "column \"a \"b\"\": \"007\" is no BIGINT");
  EXPECT_EQ(Cast("'soon'", "VARCHAR", "DATE"), "column \"a \"b\"\": \"soon\" is no DATE");
  EXPECT_EQ(Cast("[1.5]", "DOUBLE[]", "BIGINT[]"), "column \"a \"b\"\": \"[1.5]\" is no BIGINT[]");
}

TEST_F(CastTest, ConvertsTextOfCsvByItsForm) {
  const TextForms forms;
  EXPECT_EQ(Cast("'007'", "VARCHAR", "BIGINT", &forms), "7 BIGINT");
  EXPECT_EQ(Cast("'1.7'", "VARCHAR", "BIGINT", &forms), "column \"a \"b\"\": \"1.7\" is no BIGINT");
  EXPECT_EQ(Cast("'12345678901234567.89'", "VARCHAR", "DECIMAL(20,2)", &forms),
            "12345678901234567.89 DECIMAL(20,2)");
  EXPECT_EQ(Cast("'1.005'", "VARCHAR", "DECIMAL(18,2)", &forms),
            "column \"a \"b\"\": \"1.005\" is no DECIMAL(18,2)");
}

TEST(MessageOfCast, LeavesOtherMessagesAsTheyAre) {
  EXPECT_FALSE(FailureOfCast("IO Error: no room"));
}

}  // namespace
}  // namespace tarn::ingest
