#pragma once

// tarn ls, show, touch, rm, history and restore: the catalogue for people.

#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/commands/remote.h"

namespace tarn::cli {

struct DatasetOptions {
  RemoteOptions remote;
  bool json = false;  // What the catalogue answers, in place of a text for people.
  std::string name;
  bool yes = false;        // Asks nothing.
  uint64_t version = 0;    // To restore.
  std::string dataset_id;  // The same: of a dataset that had the name before, or how it begins.
  uint64_t limit = 20;     // Of the history.
};

Result<> ListDatasets(const DatasetOptions& options);
Result<> ShowDataset(const DatasetOptions& options);
Result<> TouchDataset(const DatasetOptions& options);
// Asks first, where somebody is there to answer.
Result<> RemoveDataset(const DatasetOptions& options);
Result<> ShowHistory(const DatasetOptions& options);
Result<> RestoreDataset(const DatasetOptions& options);

}  // namespace tarn::cli
