#include "base/duration.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, ParsesGoSyntax) {
  EXPECT_EQ(*ParseDuration("30s"), 30s);
  EXPECT_EQ(*ParseDuration("1m30s"), 90s);
  EXPECT_EQ(*ParseDuration("500ms"), 500ms);
  EXPECT_EQ(*ParseDuration("1.5h"), 90min);
  EXPECT_EQ(*ParseDuration(".5s"), 500ms);
  EXPECT_EQ(*ParseDuration("1.s"), 1s);
  EXPECT_EQ(*ParseDuration("-2m"), -2min);
  EXPECT_EQ(*ParseDuration("+7ns"), 7ns);
  EXPECT_EQ(*ParseDuration("0"), 0s);
  EXPECT_EQ(*ParseDuration("3us"), 3us);
  EXPECT_EQ(*ParseDuration("3\xC2\xB5s"), 3us);
  EXPECT_EQ(*ParseDuration("2562047h47m16.854775807s"), Duration::max());
}

TEST(ParseDuration, RejectsInvalidDurations) {
  for (const char* text : {"", "-", "30", "s", ".", ".s", "1x", "1sx", "1 s", " 1s", "1s ", "1m-1s",
                           "abc", "1e3s", "9999999h", "99999999999999999999s", "1mss"}) {
    const Result<Duration> parsed = ParseDuration(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_NE(parsed.error().message.find("30s"), std::string::npos) << "says what to write";
  }
}

TEST(FormatDuration, RoundTrips) {
  for (const char* text : {"30s", "1m30s", "500ms", "1h", "0s", "-2m", "1h2m3s4ms5us6ns"}) {
    EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
  }
  EXPECT_EQ(*ParseDuration(FormatDuration(Duration::max())), Duration::max());
}

}  // namespace
}  // namespace tarn
