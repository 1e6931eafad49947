#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "protocol/messages.h"
#include "queryd/catalog_source.h"

namespace tarn::queryd {

struct RefreshResult {
  uint64_t created = 0;
  uint64_t updated = 0;
  uint64_t dropped = 0;
  uint64_t skipped = 0;
  // What went wrong, a dataset each; or that the catalogue could not be read.
  std::vector<std::string> errors;
  bool catalog_read = false;

  bool changed() const { return created + updated + dropped > 0; }
};

// What has the views of the datasets. Calls block until the deadline at most.
class ViewTarget {
 public:
  virtual ~ViewTarget() = default;

  // Creates the view or replaces the one that has its name. It is there as a whole or not at
  // all: after an error the former one stays. Reads the objects' metadata.
  virtual Result<> PutView(const protocol::ViewSpec& view, Deadline deadline) = 0;

  // It is no error when the view is not there.
  virtual Result<> DropView(const std::string& name, Deadline deadline) = 0;
};

// Keeps the engine's views in step with the catalogue. What has failed is not forgotten: a
// dataset that could not be created or dropped is tried again by the next refresh, and its
// failure keeps no other dataset back.
//
// Not thread-safe: one refresh at a time.
class Registrar {
 public:
  Registrar(ViewTarget& views, CatalogSource& catalog) : views_(views), catalog_(catalog) {}

  // Drops the views of datasets that are gone, then creates what is new and replaces what has
  // another updated_at. What the deadline cuts off is left for the next refresh.
  RefreshResult Refresh(Deadline deadline);

  // The datasets that have a view.
  size_t dataset_count() const { return known_.size(); }

 private:
  void DropGone(const catalog::Snapshot& snapshot, Deadline deadline, RefreshResult& result);
  void PutChanged(const catalog::Snapshot& snapshot, Deadline deadline, RefreshResult& result);

  ViewTarget& views_;
  CatalogSource& catalog_;
  std::map<std::string, UnixMicros> known_;  // What has a view: name to updated_at.
  std::unordered_set<std::string> failed_;   // What the last refresh could not create.
};

}  // namespace tarn::queryd
