#include "ingest/text_kinds.h"

#include <gtest/gtest.h>

namespace tarn::ingest {
namespace {

std::string TypeOf(const std::vector<std::string>& texts, KindSet among = kValueKinds) {
  TextKinds kinds(among);
  for (const std::string& text : texts) kinds.Add(text);
  return kinds.Type();
}

TEST(TextKinds, FindsTheNarrowestTypeOfAllTexts) {
  EXPECT_EQ(TypeOf({"1", "-2", "3"}), "BIGINT");
  EXPECT_EQ(TypeOf({"1", "18446744073709551615"}), "UBIGINT");
  EXPECT_EQ(TypeOf({"1", "-18446744073709551616"}), "DECIMAL(38,0)");
  EXPECT_EQ(TypeOf({"1", "1.5", "1e3", "nan"}), "DOUBLE");
  EXPECT_EQ(TypeOf({"5e-324", "0.1234567890123456", "1.7976931348623157e308"}), "DOUBLE");
  EXPECT_EQ(TypeOf({"true", "FALSE"}), "BOOLEAN");
  EXPECT_EQ(TypeOf({"12:30", "12:30:00.5"}), "TIME");
  EXPECT_EQ(TypeOf({"2026-01-31"}), "DATE");
  EXPECT_EQ(TypeOf({"2026-01-31", "2026-01-31 12:00"}), "TIMESTAMP");
  EXPECT_EQ(TypeOf({"2026-01-31", "2026-01-31T12:00:00.123456789"}), "TIMESTAMP_NS");
  EXPECT_EQ(TypeOf({"2026-01-31T12:00:00Z", "2026-01-31 12:00:00+02:00"}),
            "TIMESTAMP WITH TIME ZONE");
  EXPECT_EQ(TypeOf({"550e8400-e29b-41d4-a716-446655440000"}, kStringKinds), "UUID");
  EXPECT_EQ(TypeOf({}), "VARCHAR");
}

TEST(TextKinds, KeepsTextThatATypeWouldChange) {
  for (const char* text : {"007",
                           "+7",
                           "1e400",
                           "1e-400",
                           "4e-324",
                           "0.10000000000000001",
                           "0.12345678901234567",
                           " 7",
                           "7 ",
                           "1.5 ",
                           " 2026-01-31",
                           "2026-01-31 12:00:00 ",
                           "\t12:00:00",
                           "2026-01-31T12:00:00Z ",
                           "0.12345678901234567890",
                           "12345678901234567.89",
                           "1.2.3",
                           "2026-02-30",
                           "2026-13-01",
                           "24:00:00",
                           "12:60",
                           "12:30:00.1234567",
                           "0000-01-01",
                           "-",
                           "",
                           "1 2",
                           "0x10",
                           " true",
                           "2026-01-31T12:00Z",
                           "2026-01-31 12:00:00z",
                           "2026-01-31 12:00:00 +02:00",
                           "12345678901234567890123456789012345678901"}) {
    EXPECT_EQ(TypeOf({text}), "VARCHAR") << text;
  }
  EXPECT_EQ(TypeOf({"550E8400-e29b-41d4-a716-446655440000"}, kStringKinds), "VARCHAR");
  EXPECT_EQ(TypeOf({"1", "true"}), "VARCHAR");
  EXPECT_EQ(TypeOf({"2026-01-31T12:00:00", "2026-01-31T12:00:00Z"}), "VARCHAR");
  EXPECT_EQ(TypeOf({"1600-01-01", "2026-01-31T12:00:00.123456789"}), "VARCHAR");
}

TEST(TextKinds, KeepsNumbersOfVersions) {
  EXPECT_EQ(TypeOf({"1.1", "1.10"}), "VARCHAR");
  EXPECT_EQ(TypeOf({"1.10", "2.25", "3"}), "DOUBLE");
  EXPECT_EQ(TypeOf({"1.0", "2.25"}), "DOUBLE");
  TextKinds one(kValueKinds);
  one.Add("1.10");
  TextKinds other(kValueKinds);
  other.Add("1.1");
  one.Merge(other);
  EXPECT_EQ(one.Type(), "VARCHAR");
  EXPECT_EQ(one.Example(), "1.10");
}

TEST(TextKinds, ReportsATextThatNoTypeFits) {
  TextKinds kinds(kValueKinds);
  kinds.Add("1");
  kinds.Add("007");
  kinds.Add("x");
  EXPECT_EQ(kinds.Example(), "007");
  TextKinds words(kValueKinds);
  words.Add("1");
  words.Add("one");
  EXPECT_EQ(words.Example(), "");
  TextKinds late(kValueKinds);
  for (int i = 0; i < 30'000; ++i) late.Add("1");
  late.Add("one");
  EXPECT_EQ(late.Example(), "one");
}

TEST(TextKinds, DetectsDigitsBeyondMicroseconds) {
  TextKinds kinds(kValueKinds);
  kinds.Add("2026-01-31T12:00:00.123456789Z");
  EXPECT_TRUE(kinds.LosesNanoseconds());
  kinds.Add("x");
  EXPECT_FALSE(kinds.LosesNanoseconds());
}

}  // namespace
}  // namespace tarn::ingest
