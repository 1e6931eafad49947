#include "cli/commands/put_progress.h"

#include <algorithm>

namespace tarn::cli {
namespace {

struct Phase {
  const char* what;
  double end;  // The share of the whole work that is done at the end of the phase.
};

Phase Describe(PutPhase phase) {
  switch (phase) {
    case PutPhase::kDecoding:
      return {"decoding", 0.05};
    case PutPhase::kReading:
      return {"reading", 0.25};
    case PutPhase::kConverting:
      return {"converting", 0.55};
    case PutPhase::kDividing:
      return {"dividing", 0.6};
    case PutPhase::kHashing:
      return {"checking", 0.65};
    case PutPhase::kSending:
      break;
  }
  return {"sending", 1};
}

}  // namespace

void PutProgressBar::Begin(PutPhase phase, uint64_t bytes) {
  phase_ = phase;
  total_ = bytes;
  done_ = 0;
  BeginStep(0);
  phase_begin_ = share_;
  phase_started_ = Clock::now();
  Tick();
}

void PutProgressBar::SetDone(uint64_t bytes) {
  done_ = std::min(std::max(done_, bytes), total_);
  if (total_ > 0) {
    const double share = static_cast<double>(done_) / static_cast<double>(total_);
    const double end = std::max(Describe(phase_).end, phase_begin_);
    share_ = std::max(share_, phase_begin_ + (end - phase_begin_) * share);
  }
  Tick();
}

void PutProgressBar::Add(uint64_t bytes) { SetDone(done_ + bytes); }

void PutProgressBar::BeginStep(uint64_t bytes) {
  step_begin_ = done_;
  step_bytes_ = bytes;
}

void PutProgressBar::SetStepShare(double share) {
  const double bytes = std::clamp(share, 0.0, 1.0) * static_cast<double>(step_bytes_);
  SetDone(step_begin_ + static_cast<uint64_t>(bytes));
}

void PutProgressBar::Tick() {
  if (!line_.IsDue()) return;
  const auto seconds = [](Clock::duration time) {
    return std::chrono::duration<double>(time).count();
  };
  const auto now = Clock::now();
  line_.Show(ProgressLine({.what = Describe(phase_).what,
                           .share = share_,
                           .done = done_,
                           .total = total_,
                           .phase_seconds = seconds(now - phase_started_),
                           .seconds = seconds(now - started_)},
                          StatusLine::Width()));
}

}  // namespace tarn::cli
