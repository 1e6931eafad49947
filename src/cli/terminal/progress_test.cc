#include "cli/terminal/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/terminal/text.h"

namespace tarn::cli {
namespace {

ProgressState Sending(double share, uint64_t done, uint64_t total, double seconds) {
  return {.what = "sending",
          .share = share,
          .done = done,
          .total = total,
          .phase_seconds = seconds,
          .seconds = seconds};
}

TEST(ProgressLine, ShowsTheShareTheRateAndTheTimeLeft) {
  EXPECT_EQ(ProgressLine(Sending(0.25, 5'000'000, 20'000'000, 2), 200),
            "sending [#####---------------] 25 %  5.0 MB of 20.0 MB, 2.5 MB/s, 0:06 left");
}

TEST(ProgressLine, HasTheRateOfThePhaseAndTheTimeOfAll) {
  ProgressState state = Sending(0.5, 5'000'000, 10'000'000, 2);
  state.seconds = 60;
  EXPECT_THAT(ProgressLine(state, 200), testing::EndsWith("2.5 MB/s, 1:00 left"));
}

TEST(ProgressLine, HasNoBytesWithoutATotal) {
  EXPECT_EQ(ProgressLine({.what = "running", .share = 0.5, .seconds = 4000}, 200),
            "running [##########----------] 50 %, 1:06:40 left");
}

TEST(ProgressLine, DoesNotGuessARateAtTheBeginning) {
  EXPECT_EQ(ProgressLine(Sending(0, 0, 1000, 0.1), 200),
            "sending [--------------------] 0 %  0.0 KB of 1.0 KB");
}

TEST(ProgressLine, HasNoTimeLeftAtTheEnd) {
  EXPECT_THAT(ProgressLine(Sending(1, 1000, 1000, 3), 200),
              testing::EndsWith("1.0 KB of 1.0 KB, 0.3 KB/s"));
}

TEST(ProgressLine, IsNotCompleteBeforeTheEnd) {
  EXPECT_THAT(ProgressLine({.what = "x", .share = 0.999}, 200), testing::HasSubstr("] 99 %"));
}

TEST(ProgressLine, StaysWithinItsBar) {
  EXPECT_THAT(ProgressLine({.what = "x", .share = 7}, 200),
              testing::HasSubstr("[####################] 100 %"));
  EXPECT_THAT(ProgressLine({.what = "x", .share = -1}, 200),
              testing::HasSubstr("[--------------------] 0 %"));
}

TEST(ProgressLine, FitsTheTerminal) {
  const std::string line = ProgressLine(Sending(0.25, 5'000'000, 20'000'000, 2), 30);
  EXPECT_EQ(DisplayWidth(line), 30);
  EXPECT_THAT(line, testing::StartsWith("sending [#####----"));
}

}  // namespace
}  // namespace tarn::cli
