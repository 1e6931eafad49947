#include "cli/terminal/text.h"

#include <gtest/gtest.h>

namespace tarn::cli {
namespace {

TEST(FormatBytes, UsesPowersOfAThousand) {
  EXPECT_EQ(FormatBytes(0), "0.0 KB");
  EXPECT_EQ(FormatBytes(1970), "2.0 KB");
  EXPECT_EQ(FormatBytes(999'949), "999.9 KB");
  EXPECT_EQ(FormatBytes(999'950), "1.0 MB");
  EXPECT_EQ(FormatBytes(23'000'000'000), "23.0 GB");
  EXPECT_EQ(FormatBytes(~uint64_t{0}), "18446.7 PB");
}

TEST(FormatCount, GroupsThousands) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
}

TEST(Plural, AddsAnSExceptForOne) {
  EXPECT_EQ(Plural(0, "file"), "0 files");
  EXPECT_EQ(Plural(1, "file"), "1 file");
  EXPECT_EQ(Plural(2000, "file"), "2,000 files");
}

TEST(DisplayWidth, CountsColumnsOfATerminal) {
  EXPECT_EQ(DisplayWidth(""), 0U);
  EXPECT_EQ(DisplayWidth("abc"), 3U);
  EXPECT_EQ(DisplayWidth("São"), 3U);
  EXPECT_EQ(DisplayWidth("Sa\u0303o"), 3U) << "a combining tilde";
  EXPECT_EQ(DisplayWidth("日本"), 4U);
  EXPECT_EQ(DisplayWidth("😀"), 2U);
  EXPECT_EQ(DisplayWidth("\xFF\xC3"), 2U) << "no UTF-8";
}

TEST(FitWidth, CutsAtACharacter) {
  EXPECT_EQ(FitWidth("abc", 3), "abc");
  EXPECT_EQ(FitWidth("abcd", 3), "ab…");
  EXPECT_EQ(FitWidth("日本語", 4), "日…");
  EXPECT_EQ(FitWidth("日本語", 3), "日…");
  EXPECT_EQ(FitWidth("abc", 1), "…");
  EXPECT_EQ(FitWidth("abc", 0), "");
}

TEST(ShellQuoted, IsOneWord) {
  EXPECT_EQ(ShellQuoted("sales_2026"), "sales_2026");
  EXPECT_EQ(ShellQuoted("two parts/it's"), "'two parts/it'\\''s'");
  EXPECT_EQ(ShellQuoted(""), "''");
}

TEST(WithoutControls, EscapesControlCharacters) {
  EXPECT_EQ(WithoutControls("a\x1b[2J\n\t\r\x7f z"), "a\\x1b[2J\\n\\t\\x0d\\x7f z");
  EXPECT_EQ(WithoutControls("\xC2\x9B"
                            "31m é ü"),
            "\\x9b31m é ü")
      << "U+009B begins a sequence too";
  EXPECT_EQ(WithoutControls("\xC2\xA0\xC2"), "\xC2\xA0\\xc2");
  EXPECT_EQ(WithoutControls("a\xE2\x80\xAE\xE2\x80\xA8z"), "a\\u202e\\u2028z");
}

TEST(CellWithoutControls, KeepsTheMarksOfLanguages) {
  const std::string marks = "\u200B\u200E\u200F\u061C";
  EXPECT_EQ(CellWithoutControls(marks + "\u202E\u2066\x1b\n"), marks + "\\u202e\\u2066\\x1b\\n");
  EXPECT_EQ(DisplayWidth(marks), 0U);
}

TEST(LinesWithoutControls, KeepsLines) {
  EXPECT_EQ(LinesWithoutControls("a\x1b\nb\t\n"), "a\\x1b\nb\\t\n");
  EXPECT_EQ(LinesWithoutControls(""), "");
}

TEST(TerminalFilter, KeepsLineBreaksAndTabs) {
  TerminalFilter filter;
  EXPECT_EQ(filter.Filter("a,\x1b]0;x\x07\r\n\tb\x7f"), "a,\\x1b]0;x\\x07\r\n\tb\\x7f");
  EXPECT_EQ(filter.Flush(), "");
}

TEST(TerminalFilter, AcceptsSplitCharacters) {
  const std::string text = "é\xC2\x9B日\xE2\x80\xAE😀\xF3\xA0\x81\x81z\x9B";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    TerminalFilter filter;
    std::string shown;
    for (size_t at = 0; at < text.size(); at += piece)
      shown += filter.Filter(text.substr(at, piece));
    EXPECT_EQ(shown + filter.Flush(), "é\\x9b日\\u202e😀\\U000e0041z\\x9b") << piece;
  }
  TerminalFilter cut;
  EXPECT_EQ(cut.Filter("a\xE2\x80"), "a");
  EXPECT_EQ(cut.Flush(), "\\xe2\\x80");
}

}  // namespace
}  // namespace tarn::cli
