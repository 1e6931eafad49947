#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "protocol/messages.h"

namespace tarn::queryd {

// Another revision of the catalogue.
struct ViewChange {
  uint64_t revision = 0;  // 0: not known.
  std::vector<protocol::ViewSpec> put = {};
  std::vector<std::string> drop = {};
};

struct ProbeRequest {
  protocol::ViewSpec view;
  Deadline deadline;
};

// What has the views of the datasets. Calls block until the deadlines at most.
class ViewTarget {
 public:
  using Schema = protocol::DatasetSchema;

  virtual ~ViewTarget() = default;

  // Reads the metadata of all objects of each, in this order and several at the same time, and
  // changes nothing. Errors: kCancelled for one that the
  // time was not enough for to begin.
  virtual std::vector<Result<Schema>> Probe(const std::vector<ProbeRequest>& requests) = 0;

  // All of it at once: a query sees the whole change or nothing of it. What is put was probed.
  // After an error nothing of it is seen.
  virtual Result<> Apply(const ViewChange& change, Deadline deadline) = 0;
};

}  // namespace tarn::queryd
