#include "ingest/number_text.h"

#include <gtest/gtest.h>

namespace tarn::ingest {
namespace {

TEST(ParseDecimal, IgnoresTheNotation) {
  const Decimal number = *ParseDecimal("-120.5");
  EXPECT_TRUE(number.is_negative);
  EXPECT_EQ(number.digits, "1205");
  EXPECT_EQ(number.exponent, 3);
  for (const char* same : {"-1.205e2", "-0120.500", "-1205E-1", "-.1205e+3", "-1205.e-1"}) {
    ASSERT_TRUE(ParseDecimal(same)) << same;
    EXPECT_TRUE(ParseDecimal(same)->IsSameNumber(number)) << same;
  }
  for (const char* other : {"120.5", "-12.05", "-120.51", "0"}) {
    EXPECT_FALSE(ParseDecimal(other)->IsSameNumber(number)) << other;
  }
  for (const char* zero : {"0", "-0", "0.00", "0e-400", "+.0"}) {
    EXPECT_TRUE(ParseDecimal(zero)->IsSameNumber(Decimal())) << zero;
  }
}

TEST(ParseDecimal, RejectsOtherTexts) {
  for (const char* text :
       {"", "-", ".", "e5", "1e", "1e+", "1.2.3", " 1", "1 ", "0x1", "nan", "--1",
        "1e99999999999999999999", "50e9223372036854775807", "0.05e-9223372036854775807"}) {
    EXPECT_FALSE(ParseDecimal(text)) << text;
  }
}

TEST(IsTextOfDouble, HoldsForNumbersThatPrintBack) {
  for (const char* text :
       {"0.1", "-0", "1.50", "123456789012345.6", "1e300", "5e-324", "0e-400",
        "2.2250738585072014e-308", "1.7976931348623157e308", "+1.5", "9007199254740993e0"}) {
    EXPECT_EQ(IsTextOfDouble(text), std::string(text) != "9007199254740993e0") << text;
  }
  for (const char* text :
       {"0.10000000000000001", "4e-324", "1e-400", "1e400", "12345678901234567.89", "x"}) {
    EXPECT_FALSE(IsTextOfDouble(text)) << text;
  }
}

TEST(FitsDouble, HoldsForTheDigitsOfTheText) {
  for (const char* text : {"0.1", "0.10000000000000001", "9007199254740992", "5e-324",
                           "1.000000000000000056e-01", "0.1000000000000000055511151231257827"}) {
    EXPECT_TRUE(FitsDouble(text)) << text;
  }
  for (const char* text : {"9007199254740993", "4e-324", "1e-400", "1e400",
                           "1.23456789012345678901", "0.1000000000000000055511151231257828", ""}) {
    EXPECT_FALSE(FitsDouble(text)) << text;
  }
}

TEST(FitsFloat, HoldsForTheDigitsOfTheText) {
  EXPECT_TRUE(FitsFloat("0.1"));
  EXPECT_TRUE(FitsFloat("0.100000001"));
  EXPECT_TRUE(FitsFloat("16777216"));
  EXPECT_FALSE(FitsFloat("16777217"));
  EXPECT_FALSE(FitsFloat("0.123456789"));
  EXPECT_FALSE(FitsFloat("1e39"));
}

}  // namespace
}  // namespace tarn::ingest
