#pragma once

// A running `tarn put`: its progress, and the request to stop it.

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "ingest/byte_reader.h"

namespace tarn::ingest {

// In their order. A phase can be left out, or come again.
enum class PutPhase : uint8_t {
  kDecoding,    // Other encodings become UTF-8.
  kReading,     // All values are read, for their types or to check them.
  kConverting,  // They become Parquet.
  kDividing,    // Large files become several.
  kHashing,     // Names of objects are hashes of their content.
  kSending,     // Objects are sent, or files written.
};

// The progress over all phases. This class ignores it. Not thread-safe.
class PutProgress {
 public:
  PutProgress() = default;
  PutProgress(const PutProgress&) = delete;
  PutProgress& operator=(const PutProgress&) = delete;
  virtual ~PutProgress() = default;

  // `bytes` that this phase handles; 0: unknown.
  virtual void Begin(PutPhase, uint64_t /*bytes*/) {}
  virtual void Add(uint64_t /*bytes*/) {}

  // A step of the phase handles `bytes`. SetStepShare has the share of the step, 0 to 1.
  virtual void BeginStep(uint64_t /*bytes*/) {}
  virtual void SetStepShare(double /*share*/) {}
  void EndStep() { SetStepShare(1); }

  // Called often, for the elapsed time.
  virtual void Tick() {}
  // Called before other output.
  virtual void Finish() {}
};

// Copies share the progress.
struct PutTask {
  std::stop_token stop = {};
  std::shared_ptr<PutProgress> progress = std::make_shared<PutProgress>();

  // A hook that adds to the progress, and ends the reading after a stop.
  ReadHook Hook() const;
};

// The total size of files.
uint64_t BytesOfFiles(const std::vector<std::string>& files);

}  // namespace tarn::ingest
