#include "cli/commands/put_progress.h"

#include <gtest/gtest.h>

#include <array>

namespace tarn::cli {
namespace {

constexpr std::array kPhases = {PutPhase::kDecoding, PutPhase::kReading, PutPhase::kConverting,
                                PutPhase::kDividing, PutPhase::kHashing, PutPhase::kSending};

TEST(PutProgressBar, ReachesTheEndAfterTheLastPhase) {
  PutProgressBar progress;
  double last = 0;
  for (const PutPhase phase : kPhases) {
    progress.Begin(phase, 100);
    EXPECT_EQ(progress.share(), last);
    progress.Add(50);
    EXPECT_GT(progress.share(), last);
    progress.Add(50);
    last = progress.share();
  }
  EXPECT_EQ(last, 1);
}

TEST(PutProgressBar, LeavesOutPhases) {
  PutProgressBar progress;
  progress.Begin(PutPhase::kSending, 100);
  EXPECT_EQ(progress.share(), 0);
  progress.Add(50);
  EXPECT_EQ(progress.share(), 0.5);
}

TEST(PutProgressBar, NeverFalls) {
  PutProgressBar progress;
  double last = 0;
  const auto check = [&] {
    EXPECT_GE(progress.share(), last);
    EXPECT_LE(progress.share(), 1);
    last = progress.share();
  };
  for (const PutPhase phase : {PutPhase::kConverting, PutPhase::kReading, PutPhase::kConverting,
                               PutPhase::kHashing, PutPhase::kSending, PutPhase::kReading}) {
    for (const uint64_t total : {0, 7, 1000}) {
      progress.Begin(phase, total);
      check();
      for (const double share : {0.5, 0.2, -1.0, 3.0, 0.0}) {
        progress.BeginStep(total);
        progress.SetStepShare(share);
        check();
        progress.Add(3);
        check();
      }
    }
  }
}

TEST(PutProgressBar, AddsUpSteps) {
  PutProgressBar progress;
  progress.Begin(PutPhase::kSending, 100);
  progress.BeginStep(60);
  progress.SetStepShare(0.5);
  EXPECT_EQ(progress.share(), 0.3);
  progress.EndStep();
  progress.BeginStep(40);
  progress.SetStepShare(0.5);
  EXPECT_EQ(progress.share(), 0.8);
}

}  // namespace
}  // namespace tarn::cli
