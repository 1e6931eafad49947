#pragma once

// A running `tarn put`: its progress, and the request to stop it.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/terminal/progress.h"
#include "cli/terminal/status_line.h"
#include "ingest/byte_reader.h"

namespace tarn::cli {

// In their order. A phase can be left out, or come again.
enum class PutPhase : uint8_t {
  kDecoding,    // Other encodings become UTF-8.
  kReading,     // All values are read, for their types or to check them.
  kConverting,  // They become Parquet.
  kDividing,    // Large files become several.
  kHashing,     // Names of objects are hashes of their content.
  kSending,     // Objects are sent, or files written.
};

// One progress bar on stderr over all phases, whose percentage never falls. Each phase moves it
// from its current position to a fixed one. Shows nothing unless stderr is a terminal. Not
// thread-safe.
class PutProgress {
 public:
  // `bytes` that this phase handles; 0: unknown.
  void Begin(PutPhase phase, uint64_t bytes);
  void Add(uint64_t bytes);

  // A step of the phase handles `bytes`. SetStepShare has the share of the step, 0 to 1.
  void BeginStep(uint64_t bytes);
  void SetStepShare(double share);
  void EndStep() { SetStepShare(1); }

  // Draws the bar again, for the elapsed time.
  void Tick();
  // Removes the bar.
  void Finish() { line_.Clear(); }

  double share() const { return share_; }

 private:
  using Clock = std::chrono::steady_clock;
  void SetDone(uint64_t bytes);

  PutPhase phase_ = PutPhase::kReading;
  uint64_t total_ = 0;
  uint64_t done_ = 0;
  uint64_t step_begin_ = 0;
  uint64_t step_bytes_ = 0;
  double phase_begin_ = 0;  // The share of all at the beginning of the phase.
  double share_ = 0;
  const Clock::time_point started_ = Clock::now();
  Clock::time_point phase_started_ = started_;
  StatusLine line_;
};

// Copies share the progress.
struct PutTask {
  std::stop_token stop = {};
  std::shared_ptr<PutProgress> progress = std::make_shared<PutProgress>();

  // A hook that adds to the progress, and ends the reading after a stop.
  ingest::ReadHook Hook() const;
};

// The total size of files.
uint64_t BytesOfFiles(const std::vector<std::string>& files);

}  // namespace tarn::cli
