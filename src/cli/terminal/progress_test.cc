#include "cli/terminal/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/terminal/text.h"

namespace tarn::cli {
namespace {

TEST(ProgressLine, ShowsShareRateAndTimeLeft) {
  EXPECT_EQ(ProgressLine("sending", 0.25, 5'000'000, 20'000'000, 2, 200),
            "sending [#####---------------] 25 %  5.0 MB of 20.0 MB, 2.5 MB/s, 0:06 left");
}

TEST(ProgressLine, ShowsNoBytesIfOnlyTheShareIsKnown) {
  EXPECT_EQ(ProgressLine("running", 0.5, 0, 0, 4000, 200),
            "running [##########----------] 50 %, 1:06:40 left");
}

TEST(ProgressLine, ShowsNoRateAtTheBeginning) {
  EXPECT_EQ(ProgressLine("sending", 0, 0, 1000, 0.1, 200),
            "sending [--------------------] 0 %  0.0 KB of 1.0 KB");
}

TEST(ProgressLine, ShowsNoTimeLeftAtTheEnd) {
  EXPECT_THAT(ProgressLine("sending", 1, 1000, 1000, 3, 200),
              testing::EndsWith("1.0 KB of 1.0 KB, 0.3 KB/s"));
}

TEST(ProgressLine, ClampsTheShare) {
  EXPECT_THAT(ProgressLine("x", 7, 0, 0, 0, 200),
              testing::HasSubstr("[####################] 100 %"));
  EXPECT_THAT(ProgressLine("x", -1, 0, 0, 0, 200),
              testing::HasSubstr("[--------------------] 0 %"));
}

TEST(ProgressLine, FitsTheTerminal) {
  const std::string line = ProgressLine("sending", 0.25, 5'000'000, 20'000'000, 2, 30);
  EXPECT_EQ(DisplayWidth(line), 30);
  EXPECT_THAT(line, testing::StartsWith("sending [#####----"));
}

}  // namespace
}  // namespace tarn::cli
