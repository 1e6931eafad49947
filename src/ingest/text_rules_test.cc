#include "ingest/text_rules.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace tarn::ingest {
namespace {

void ExpectHolds(const char* type, std::initializer_list<const char*> texts) {
  for (const char* text : texts) EXPECT_TRUE(RuleOf(type)(text)) << text << " as " << type;
}
void ExpectRefuses(const char* type, std::initializer_list<const char*> texts) {
  for (const char* text : texts) EXPECT_FALSE(RuleOf(type)(text)) << text << " as " << type;
}

TEST(RuleOf, IntegersHaveManyNotations) {
  ExpectHolds("INTEGER", {"7", "+7", "007", "7.0", "7.", " 7 ", "-2147483648", "2147483647", "-0"});
  ExpectRefuses("INTEGER", {"7.1", "1e1", "2147483648", "-2147483649", "", "-", "seven", ".0",
                            "1_0", "99999999999999999999999"});
  ExpectHolds("TINYINT", {"-128", "127"});
  ExpectRefuses("TINYINT", {"-129", "128"});
  ExpectHolds("UBIGINT", {"0", "18446744073709551615"});
  ExpectRefuses("UBIGINT", {"-1", "-0", "18446744073709551616"});
}

TEST(RuleOf, DecimalsKeepAllDigits) {
  ExpectHolds("DECIMAL(4,1)", {"7", "+7", "1.50", "123.4", "-123.4", ".5", "0001"});
  ExpectRefuses("DECIMAL(4,1)", {"1.55", "1234.5", "1e1", "", ".", "x"});
}

TEST(RuleOf, FloatingPointKeepsTheWrittenDigits) {
  ExpectHolds("DOUBLE", {"7", "007", "1.5", " .5", "nan", "-Infinity", "0.10000000000000001"});
  ExpectRefuses("DOUBLE", {"1e-400", "1e400", "1.23456789012345678901", "9007199254740993", "one"});
  ExpectHolds("FLOAT", {"0.1", "16777216"});
  ExpectRefuses("FLOAT", {"16777217", "0.123456789"});
}

TEST(RuleOf, OtherTypesHaveOneNotation) {
  ExpectHolds("BOOLEAN", {"true", "FALSE"});
  ExpectRefuses("BOOLEAN", {"1", "0", "yes", "t", ""});
  ExpectHolds("BIT", {"101", "0"});
  ExpectRefuses("BIT", {"", "2", "0x1"});
  ExpectHolds("DATE", {"2026-01-02", "2026-01-02 00:00:00", "2026-01-02T00:00"});
  ExpectRefuses("DATE", {"2026-01-02 12:00:00", "02/01/2026", "soon", "2026-02-30"});
  ExpectHolds("TIMESTAMP", {"2026-01-02", "2026-01-02T03:04:05.123456"});
  ExpectRefuses("TIMESTAMP", {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.1234567"});
  ExpectHolds("TIMESTAMP WITH TIME ZONE", {"2026-01-02T03:04:05Z"});
  ExpectRefuses("TIMESTAMP WITH TIME ZONE", {"2026-01-02", "2026-01-02T03:04:05.1234567Z"});
  ExpectHolds("TIME", {"12:00"});
  ExpectHolds("UUID", {"550e8400-e29b-41d4-a716-446655440000"});
  ExpectRefuses("UUID", {"550E8400-e29b-41d4-a716-446655440000"});
}

TEST(RuleOf, SomeTypesHaveNone) {
  for (const char* type : {"VARCHAR", "BLOB", "BIGINT[]", "INTERVAL", "TIMESTAMP_S", "JSON"}) {
    EXPECT_FALSE(RuleOf(type)) << type;
  }
}

TEST(CheckText, GivesReasonsThatTheTextDoesNotShow) {
  const auto message = [](const char* type, const char* text) {
    const Result<> checked = CheckText({type, RuleOf(type)}, "c", text);
    return checked.ok() ? "" : checked.error().message;
  };
  EXPECT_EQ(message("BIGINT", "7"), "");
  EXPECT_EQ(message("BIGINT", "1.7"), "column \"c\": \"1.7\" is no BIGINT");
  EXPECT_EQ(message("DOUBLE", "1e-400"),
            "column \"c\": \"1e-400\" is no DOUBLE, because its digits would change");
  EXPECT_EQ(message("DOUBLE", "one"), "column \"c\": \"one\" is no DOUBLE");
  EXPECT_EQ(message("BOOLEAN", "1"), "column \"c\": \"1\" is no BOOLEAN: write true or false");
  EXPECT_EQ(message("DATE", "01/02/2026"),
            "column \"c\": \"01/02/2026\" is no DATE: set the format of dates, as in --with "
            "dateformat=%d/%m/%Y");
  EXPECT_TRUE(CheckText({}, "c", "any text").ok());
}

}  // namespace
}  // namespace tarn::ingest
