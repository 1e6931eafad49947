#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "protocol/messages.h"

namespace tarn::queryd {

// Another revision of the catalogue.
struct ViewChange {
  uint64_t revision = 0;  // 0: not known.
  std::vector<protocol::ViewPointer> put = {};
  // Datasets without a view whose objects have not been read yet.
  std::vector<std::string> pending = {};
  std::vector<std::string> drop = {};
};

struct ProbeRequest {
  protocol::ViewSpec view;
  Duration object_timeout;  // For each of its objects.
  bool is_retry = false;    // The last probe of the dataset failed; others take precedence.
  bool is_first = false;    // A query waits for the dataset.
  bool only_etags = false;  // See protocol::Probe.
  // The process of the last probe ended. This probe runs alone in a process.
  bool is_alone = false;
  std::string owner = {};  // See protocol::Probe.
};

// A running probe.
struct PendingProbe {
  static constexpr uint64_t kNoObject = UINT64_MAX;

  std::future<Result<protocol::DatasetSchema>> answer;
  std::shared_ptr<const std::atomic<uint64_t>> objects_read;
  // Valid when the answer is ready: the index of the object that DuckDB was decoding when the
  // process of the probe ended, or kNoObject. A null pointer means kNoObject.
  std::shared_ptr<const std::atomic<uint64_t>> suspect = nullptr;
  // Valid when the answer is ready: true if the process ended because it exceeded its memory. A
  // null pointer means false.
  std::shared_ptr<const std::atomic<bool>> exceeded_memory = nullptr;

  uint64_t suspect_object() const { return suspect == nullptr ? kNoObject : suspect->load(); }
};

// The engines, as the registrar sees them: they probe datasets and have a view of each. Calls block
// until the deadline at most.
class ViewTarget {
 public:
  using Schema = protocol::DatasetSchema;

  virtual ~ViewTarget() = default;

  // Starts to read the metadata of all objects of each view. Changes no view. Blocks only until a
  // process is ready. A new probe of a dataset cancels the running one.
  virtual std::vector<PendingProbe> Probe(const std::vector<ProbeRequest>& requests,
                                          Deadline deadline) = 0;

  // Applies the change atomically for each query. The views in `put` must have been probed. After
  // an error, queries see no part of the change.
  virtual Result<> Apply(const ViewChange& change, Deadline deadline) = 0;
};

}  // namespace tarn::queryd
