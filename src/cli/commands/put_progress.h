#pragma once

// The progress bar of `tarn put`.

#include <chrono>
#include <cstdint>

#include "cli/terminal/progress.h"
#include "cli/terminal/status_line.h"
#include "ingest/put_task.h"

namespace tarn::cli {

using ingest::PutPhase;
using ingest::PutTask;

// One progress bar on stderr over all phases, whose percentage never falls. Each phase moves it
// from its current position to a fixed one. Shows nothing unless stderr is a terminal. Not
// thread-safe.
class PutProgressBar : public ingest::PutProgress {
 public:
  void Begin(PutPhase phase, uint64_t bytes) override;
  void Add(uint64_t bytes) override;
  void BeginStep(uint64_t bytes) override;
  void SetStepShare(double share) override;
  // Draws the bar again.
  void Tick() override;
  // Removes the bar.
  void Finish() override { line_.Clear(); }

  double share() const { return share_; }

 private:
  using Clock = std::chrono::steady_clock;
  void SetDone(uint64_t bytes);

  PutPhase phase_ = PutPhase::kReading;
  uint64_t total_ = 0;
  uint64_t done_ = 0;
  uint64_t step_begin_ = 0;
  uint64_t step_bytes_ = 0;
  double phase_begin_ = 0;  // The share_ at the beginning of the phase.
  double share_ = 0;
  const Clock::time_point started_ = Clock::now();
  Clock::time_point phase_started_ = started_;
  StatusLine line_;
};

}  // namespace tarn::cli
