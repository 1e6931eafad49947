#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "engine/engine.h"
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

// Keeps the engine's views in step with the catalogue. What has failed is not forgotten: a
// dataset that could not be created or dropped is tried again by the next refresh, and its
// failure keeps no other dataset back.
//
// Not thread-safe: one refresh at a time.
class Registrar {
 public:
  Registrar(engine::Engine& engine, CatalogSource& catalog) : engine_(engine), catalog_(catalog) {}

  // Drops the views of datasets that are gone, then creates what is new and replaces what has
  // another updated_at. What the deadline cuts off is left for the next refresh.
  RefreshResult Refresh(Deadline deadline);

  // The datasets that have a view.
  size_t dataset_count() const { return known_.size(); }

 private:
  void DropGone(const catalog::Snapshot& snapshot, Deadline deadline, RefreshResult& result);
  void PutChanged(const catalog::Snapshot& snapshot, Deadline deadline, RefreshResult& result);

  engine::Engine& engine_;
  CatalogSource& catalog_;
  std::map<std::string, UnixMicros> known_;  // What has a view: name to updated_at.
  std::unordered_set<std::string> failed_;   // What the last refresh could not create.
};

}  // namespace tarn::queryd
