#include "base/exact_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace tarn {
namespace {

using testing::HasSubstr;

std::string RoundTrip(std::string_view text) {
  const Result<ExactJson> value = ParseExactJson(text);
  return value.ok() ? value->Dump() : "error: " + value.error().message;
}

std::string ErrorOf(std::string_view text) {
  const Result<ExactJson> value = ParseExactJson(text);
  if (value.ok()) return "";
  EXPECT_EQ(value.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_TRUE(IsValidUtf8(value.error().message));
  EXPECT_LT(value.error().message.size(), 400U);
  return value.error().message;
}

TEST(ExactJson, KeepsTheDigitsOfNumbers) {
  for (const char* number :
       {"0", "-1", "0.10", "1.5", "-0.0", "1e3", "1E-3", "1.50e+10", "9223372036854775807",
        "-9223372036854775808", "9223372036854775808", "18446744073709551615",
        "18446744073709551616", "340282366920938463463374607431768211456",
        "0.12345678901234567890123456789012345678901234567890", "12345678901234567.00"}) {
    const Result<ExactJson> value = ParseExactJson(number);
    ASSERT_TRUE(value.ok()) << number;
    EXPECT_EQ(value->kind, ExactJson::Kind::kNumber);
    EXPECT_EQ(value->text, number);
    EXPECT_EQ(value->Dump(), number);
  }
}

TEST(ExactJson, RoundTripsEveryKind) {
  for (const char* text : {"null", "true", "false", R"("")", R"("a\"b\\c\n\u0000")", "[]", "{}",
                           "[[],{},[1]]", R"({"b":1.0,"a":[null,{"":"é"}],"c":{"b":2}})"}) {
    EXPECT_EQ(RoundTrip(text), text);
  }
  EXPECT_EQ(RoundTrip(" { \"b\" : [ 1 , 2 ] } "), R"({"b":[1,2]})");
  const Result<ExactJson> text = ParseExactJson("\"a\\u0000b \\ud83d\\ude00\"");
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->text, std::string("a\0b \xF0\x9F\x98\x80", 8));
}

TEST(ExactJson, FindsItemsByName) {
  const Result<ExactJson> value = ParseExactJson(R"({"b":1,"a":"x"})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->names, (std::vector<std::string>{"b", "a"}));
  ASSERT_NE(value->Find("a"), nullptr);
  EXPECT_EQ(value->Find("a")->text, "x");
  EXPECT_EQ(value->Find("A"), nullptr);
}

TEST(ExactJson, ReportsErrorsWithPositionAndReason) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("unexpected end of input"));
  EXPECT_THAT(ErrorOf("{\"a\":}"), testing::StartsWith("parse error at line 1, column 6: "));
  for (const char* text : {"1 2", "[1,]", "{'a':1}", "nul", "NaN", "01", "+1", "1.", ".5", "\"",
                           "\"\t\"", "\"\\x\"", "\"\\ud800\"", "[1", "{\"a\"}", "// x\n1"}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("parse error at line ")) << text;
  }
  EXPECT_THAT(ErrorOf("1e400"), HasSubstr("number overflow"));
  EXPECT_THAT(ErrorOf(std::string(5000, '9')), HasSubstr("number overflow"));
}

TEST(ExactJson, RejectsDuplicateNames) {
  EXPECT_THAT(ErrorOf(R"({"a":1,"b":2,"a":3})"), HasSubstr("duplicate name \"a\""));
  EXPECT_THAT(ErrorOf(R"([{"x":{"\u0061":1,"a":3}}])"), HasSubstr("duplicate name"));
  EXPECT_NE(ErrorOf("{\"" + std::string(5000, 'a') + "\":1,\"" + std::string(5000, 'a') + "\":1}"),
            "");
  EXPECT_EQ(RoundTrip(R"({"a":1,"A":2})"), R"({"a":1,"A":2})");
}

TEST(ExactJson, RejectsInvalidUtf8) {
  for (const char* text :
       {"\"\xFF\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xE2\x82\"", "\xFF", "{\"\xC3\":1}"}) {
    EXPECT_NE(ErrorOf(text), "");
  }
  // A quotation of the input may be cut within a character.
  std::string euros = "\"";
  for (int i = 0; i < 1000; ++i) euros += "€";
  for (int i = 0; i < 3; ++i) EXPECT_THAT(ErrorOf(euros += 'x'), testing::EndsWith("…"));
}

TEST(ExactJson, LimitsTheDepth) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(RoundTrip(nested(kJsonDepthMax)), nested(kJsonDepthMax));
  EXPECT_THAT(ErrorOf(nested(kJsonDepthMax + 1)), HasSubstr("more than 64 deep"));
  EXPECT_THAT(ErrorOf(std::string(1'000'000, '[')), HasSubstr("more than 64 deep"));
}

}  // namespace
}  // namespace tarn
