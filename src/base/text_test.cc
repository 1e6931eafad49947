#include "base/text.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace tarn {
namespace {

TEST(IsValidUtf8, AcceptsTheRangesOfRfc3629) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\xA6\x86"));
  EXPECT_TRUE(IsValidUtf8("\xF4\x8F\xBF\xBF"));
  EXPECT_FALSE(IsValidUtf8("\x80"));
  EXPECT_FALSE(IsValidUtf8("\xC0\xAF")) << "overlong";
  EXPECT_FALSE(IsValidUtf8("\xE0\x80\xAF")) << "overlong";
  EXPECT_FALSE(IsValidUtf8("\xED\xA0\x80")) << "surrogate";
  EXPECT_FALSE(IsValidUtf8("\xF4\x90\x80\x80")) << "over U+10FFFF";
  EXPECT_FALSE(IsValidUtf8("\xE2\x82")) << "cut short";
  EXPECT_FALSE(IsValidUtf8("\xE2\x28\xA1"));
}

TEST(ToValidUtf8, ReplacesEachInvalidByte) {
  EXPECT_EQ(ToValidUtf8("a\xC3\xA9\xFF\xE2\x82z"),
            "a\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
  EXPECT_EQ(ToValidUtf8(""), "");
}

TEST(EscapeUnprintable, EscapesUnprintableCharacters) {
  EXPECT_EQ(EscapeUnprintable("a\n\t\r\x1b\x7f\xC2\x9B\xC2\xAD"), R"(a\n\t\x0d\x1b\x7f\x9b\xad)");
  EXPECT_EQ(EscapeUnprintable("a\n\t\r\x1b", "\n\t"), "a\n\t\\x0d\\x1b");
  EXPECT_EQ(
      EscapeUnprintable("\xD8\x9C\xE2\x80\x8E\xE2\x80\xA8\xE2\x80\xAE\xE2\x81\xA6\xEF\xBB\xBF"),
      R"(\u061c\u200e\u2028\u202e\u2066\ufeff)");
  EXPECT_EQ(EscapeUnprintable("\xF3\xA0\x81\x81"), R"(\U000e0041)");
  EXPECT_EQ(EscapeUnprintable("\xCD\x8F\xE1\x85\x9F\xE1\x85\xA0\xE3\x85\xA4\xEF\xBE\xA0"),
            R"(\u034f\u115f\u1160\u3164\uffa0)");
  EXPECT_EQ(EscapeUnprintable("\xE2\x80\x8E\xE2\x80\x8F", "\xE2\x80\x8E"), "\xE2\x80\x8E\\u200f");
  EXPECT_EQ(EscapeUnprintable("\xFF\x9B\xE2\x80"), R"(\xff\x9b\xe2\x80)");
  const std::string plain = "é \xC2\xA0 日本 👩‍🚀 שלום";
  EXPECT_EQ(EscapeUnprintable(plain), plain);
  EXPECT_FALSE(HasUnprintable(plain));
  EXPECT_TRUE(HasUnprintable("a\xE2\x80\xA9"));
  EXPECT_TRUE(HasUnprintable("a\x80"));
}

TEST(EscapeUnprintableJson, KeepsTheValue) {
  EXPECT_EQ(EscapeUnprintableJson("{\n  \"a\": \"\xC2\x85é\xF3\xA0\x81\x81\"\n}"),
            "{\n  \"a\": \"\\u0085é\\udb40\\udc41\"\n}");
}

TEST(HasControlCharacter, FindsC0C1AndDelete) {
  EXPECT_FALSE(HasControlCharacter("plain \xC2\xA0 text"));
  EXPECT_TRUE(HasControlCharacter("a\nb"));
  EXPECT_TRUE(HasControlCharacter(std::string_view("a\0b", 3)));
  EXPECT_TRUE(HasControlCharacter("a\x7F"));
  EXPECT_TRUE(HasControlCharacter("a\xC2\x85"));
}

TEST(Percent, RoundTripsAnyBytes) {
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
  EXPECT_EQ(PercentDecode(PercentEncode(bytes)), bytes);
  EXPECT_EQ(PercentEncode("a b/c'é"), "a%20b%2Fc%27%C3%A9");
  EXPECT_EQ(PercentDecode("a%2"), std::nullopt);
  EXPECT_EQ(PercentDecode("%zz"), std::nullopt);
  EXPECT_EQ(PercentDecode("a+b"), "a+b") << "a plus is a plus in a path";
}

TEST(NearestName, SuggestsOnlySimilarNames) {
  const std::vector<std::string> names = {"s3.bucket", "s3.region", "queryd.bind"};
  EXPECT_EQ(NearestName("s3.buckte", names), "s3.bucket");
  EXPECT_EQ(NearestName("queryd.bnid", names), "queryd.bind");
  EXPECT_EQ(NearestName("tls.cert", names), std::nullopt);
}

TEST(RandomId, ReturnsDistinctIdsOfSixteenHexDigits) {
  const std::string a = RandomId();
  EXPECT_EQ(a.size(), 16U);
  EXPECT_EQ(a.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(a, RandomId());
}

TEST(Shortened, KeepsWholeCharacters) {
  EXPECT_EQ(Shortened("", 3), "");
  EXPECT_EQ(Shortened("abc", 3), "abc");
  EXPECT_EQ(Shortened("abcd", 3), "…");
  EXPECT_EQ(Shortened("abcdef", 5), "ab…");
  EXPECT_EQ(Shortened("aéb", 4), "aéb");
  EXPECT_EQ(Shortened("aébcd", 5), "a…") << "half of é does not stay";
  EXPECT_EQ(Shortened(std::string(1'000'000, 'x'), 4096).size(), 4096U);
  // Not UTF-8: no byte starts a character.
  EXPECT_EQ(Shortened(std::string(100, '\x80'), 10), "…");
}

TEST(Trim, RemovesOnlyAsciiWhiteSpace) {
  EXPECT_EQ(Trim(" \t\r\n x y \v\f"), "x y");
  EXPECT_EQ(Trim("  "), "");
}

TEST(LessIgnoringCase, KeepsNamesTogetherThatDifferInCaseOnly) {
  const std::set<std::string, LessIgnoringCase> names = {"b", "B",  "a",       "ab",
                                                         "A", "bA", "\xC3\xA9"};
  EXPECT_EQ(std::vector<std::string>(names.begin(), names.end()),
            (std::vector<std::string>{"A", "a", "ab", "B", "b", "bA", "\xC3\xA9"}));
}

}  // namespace
}  // namespace tarn
