#include "ingest/text_forms.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "duck/database.h"
#include "duck/quote.h"

namespace tarn::ingest {
namespace {

// Runs the conditions in DuckDB, because they use its regular expressions and casts.
class TextFormsTest : public testing::Test {
 protected:
  bool Holds(const std::string& text, const std::string& condition) {
    auto statement = connection_->Prepare(fmt::format(
        "SELECT coalesce({}, false) FROM (SELECT {} AS c)", condition, duck::QuoteLiteral(text)));
    EXPECT_TRUE(statement.ok()) << statement.error().message;
    auto rows = statement->Execute();
    EXPECT_TRUE(rows.ok()) << rows.error().message;
    const auto chunk = rows->Next();
    return (*chunk)->columns()[0].At<bool>(0);
  }
  void ExpectOf(const std::string& type, std::initializer_list<const char*> texts) {
    for (const char* text : texts) {
      EXPECT_TRUE(Holds(text, forms_.IsOfType("c", type))) << type << " " << text;
    }
  }
  void ExpectNotOf(const std::string& type, std::initializer_list<const char*> texts) {
    for (const char* text : texts) {
      EXPECT_FALSE(Holds(text, forms_.IsOfType("c", type))) << type << " " << text;
    }
  }

  Result<duck::Database> database_ = duck::Database::Open({});
  Result<duck::Connection> connection_ = database_->Connect();
  TextForms forms_;
};

TEST_F(TextFormsTest, Integers) {
  ExpectOf("BIGINT", {"0", "7", "-7", "9223372036854775807", "-9223372036854775808"});
  ExpectNotOf("BIGINT", {"1.7", "1.0", "007", "00", "+7", "1e3", "1_000", "0x10", "", "-", "seven",
                         "9223372036854775808", "7 7", " 7"});
  ExpectOf("UBIGINT", {"0", "18446744073709551615"});
  ExpectNotOf("UBIGINT", {"-1", "18446744073709551616", "01"});
  ExpectOf("DECIMAL(38,0)", {"-1", "99999999999999999999999999999999999999"});
  ExpectNotOf("DECIMAL(38,0)", {"999999999999999999999999999999999999999", "1.5", "012"});
}

TEST_F(TextFormsTest, FloatingPoint) {
  ExpectOf("DOUBLE", {"0", "1.5", "-1.5", "+1.5", ".5", "-.5", "1.", "0.10", "1e3", "1.5E-7",
                      "123456789012345", "0.1234567890123456", "0.00000000000000000012", "nan",
                      "-inf", "Infinity", "0e-400"});
  ExpectNotOf("DOUBLE", {"12345678901234567.89", "1e400", "-1.5e400", "1e-400", "4e-324",
                         "0.10000000000000001", "0.12345678901234567", " 1.5"});
  ExpectNotOf("DOUBLE", {"1234567890123456", "007", "007.5", "1,5", ".", "", "-", "e3", "1_000.5",
                         "0x1p3", "1.5.5"});
  forms_.decimal_separator = ',';
  ExpectOf("DOUBLE", {"1,5", "7"});
  ExpectNotOf("DOUBLE", {"1.5"});
}

TEST_F(TextFormsTest, DatesAndTimes) {
  ExpectOf("DATE", {"2026-01-02", "2026-1-2", "infinity"});
  ExpectNotOf("DATE", {"2026-01-02 12:00:00", "2026-01-02x", "02/01/2026", "today", "20260102"});
  ExpectOf("TIMESTAMP", {"2026-01-02", "2026-01-02 03:04", "2026-01-02T03:04:05.123456",
                         "2026-01-02 03:04:05.123456000"});
  ExpectNotOf("TIMESTAMP", {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05+02:00",
                            "2026-01-02 03:04:05.1234567", "03:04"});
  ExpectOf("TIMESTAMP_NS", {"2026-01-02 03:04:05.123456789"});
  ExpectNotOf("TIMESTAMP_NS", {"2026-01-02 03:04:05.1234567891", "2026-01-02 03:04:05Z"});
  ExpectOf("TIMESTAMP WITH TIME ZONE",
           {"2026-01-02T03:04:05Z", "2026-01-02 03:04:05.5+02", "2026-01-02T03:04:05-0230"});
  ExpectNotOf("TIMESTAMP WITH TIME ZONE",
              {"2026-01-02T03:04:05", "2026-01-02", "2026-01-02T03:04:05.123456789Z"});
  ExpectOf(std::string(kTimestampOfNanoseconds), {"2026-01-02T03:04:05.123456789Z"});
  ExpectNotOf("DATE", {"2026-02-30"});
  ExpectNotOf("TIMESTAMP", {"2026-01-02 25:00:00"});
  ExpectOf("UUID", {"550e8400-e29b-41d4-a716-446655440000"});
  ExpectNotOf("UUID", {"550E8400-e29b-41d4-a716-446655440000"});
  ExpectOf("TIME", {"12:00", "12:00:00", "1:02:03.123456"});
  ExpectNotOf("TIME", {"12:00:00.1234567", "2026-01-02 12:00:00", "12"});
}

TEST_F(TextFormsTest, DatesInAGivenFormat) {
  forms_.date_formats = {"%d/%m/%Y", "%d.%m.%Y"};
  forms_.timestamp_formats = {"%d/%m/%Y %H:%M"};
  ExpectOf("DATE", {"31/12/2025", "31.12.2025"});
  ExpectNotOf("DATE", {"31/12/2025 10:00", "2025-12-31"});
  ExpectOf("TIMESTAMP", {"31/12/2025 10:00"});
  ExpectNotOf("TIMESTAMP", {"31/12/2025 10:00:07", "2025-12-31 10:00:00"});
}

TEST_F(TextFormsTest, Booleans) {
  ExpectOf("BOOLEAN", {"true", "FALSE", "True"});
  ExpectNotOf("BOOLEAN", {"1", "0", "t", "yes", ""});
}

TEST_F(TextFormsTest, NumbersWithThousands) {
  forms_.thousands = '\'';
  ExpectOf("BIGINT", {"1'234", "1"});
  ExpectOf("DOUBLE", {"1'234.5"});
  ExpectNotOf("BIGINT", {"1,234", "text", "'"});
}

TEST_F(TextFormsTest, AGivenTypeAcceptsMoreNotations) {
  const auto can_become = [&](const char* text, const char* type) {
    return Holds(text, forms_.CanBecome("c", type));
  };
  for (const char* text : {"7", "+7", "007", "7.0", "7.", " 7"}) {
    EXPECT_TRUE(can_become(text, "INTEGER")) << text;
    EXPECT_TRUE(can_become(text, "DECIMAL(4,1)")) << text;
  }
  for (const char* text : {"7.1", "1e1", "3000000000", "", "seven"}) {
    EXPECT_FALSE(can_become(text, "INTEGER")) << text;
  }
  EXPECT_TRUE(can_become("1.50", "DECIMAL(4,1)"));
  EXPECT_FALSE(can_become("1.55", "DECIMAL(4,1)"));
  EXPECT_FALSE(can_become("1234.5", "DECIMAL(4,1)"));
  EXPECT_FALSE(can_become("-1", "UINTEGER"));
  EXPECT_TRUE(can_become("0.1", "FLOAT"));
  EXPECT_FALSE(can_become("1.23456789012345678901", "DOUBLE"));
  EXPECT_FALSE(can_become("1e-400", "DOUBLE"));
  EXPECT_TRUE(can_become(" 1.5", "DOUBLE"));
  EXPECT_TRUE(can_become("TRUE", "BOOLEAN"));
  EXPECT_FALSE(can_become("1", "BOOLEAN"));
  EXPECT_TRUE(can_become("nan", "DOUBLE"));
  EXPECT_FALSE(can_become("16777217", "FLOAT"));
  EXPECT_FALSE(can_become("9007199254740993", "DOUBLE"));
  EXPECT_FALSE(can_become("1e400", "DOUBLE"));
}

}  // namespace
}  // namespace tarn::ingest
