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
  // The process of the last probe ended. This one has a process of its own, in which no other probe
  // runs.
  bool is_alone = false;
  std::string owner = {};  // See protocol::Probe.
};

// A running probe.
struct PendingProbe {
  static constexpr uint64_t kNoObject = UINT64_MAX;

  std::future<Result<protocol::DatasetSchema>> answer;
  std::shared_ptr<const std::atomic<uint64_t>> objects_read;
  // Once the answer is there: the position of the object that DuckDB was decoding when the process
  // of the probe ended, or kNoObject. Null: the same.
  std::shared_ptr<const std::atomic<uint64_t>> suspect = nullptr;
  // Once the answer is there: whether the process ended because it exceeded its memory. Null: no.
  std::shared_ptr<const std::atomic<bool>> exceeded_memory = nullptr;

  uint64_t suspect_object() const { return suspect == nullptr ? kNoObject : suspect->load(); }
};

// What has the views of the datasets. Calls block until the deadline at most.
class ViewTarget {
 public:
  using Schema = protocol::DatasetSchema;

  virtual ~ViewTarget() = default;

  // Starts to read the metadata of all objects of each view, without changing anything. Blocks only
  // until an engine is ready. A new probe of a dataset cancels the running one.
  virtual std::vector<PendingProbe> Probe(const std::vector<ProbeRequest>& requests,
                                          Deadline deadline) = 0;

  // Applies all of it at once: a query sees the whole change or nothing of it. `put` was probed.
  // After an error nothing of it is seen.
  virtual Result<> Apply(const ViewChange& change, Deadline deadline) = 0;
};

}  // namespace tarn::queryd
