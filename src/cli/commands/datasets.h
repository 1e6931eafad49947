#pragma once

// tarn ls, show, touch, rm, history and restore.

#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/commands/remote.h"

namespace tarn::cli {

struct DatasetOptions {
  RemoteOptions remote;
  bool json = false;  // Prints the response of the catalogue.
  std::string name;
  bool yes = false;        // Removes without confirmation.
  uint64_t version = 0;    // The version to restore.
  std::string dataset_id;  // The id, or its beginning, of an earlier dataset to restore.
  uint64_t limit = 20;     // The most versions of a history.
};

Result<> ListDatasets(const DatasetOptions& options);
Result<> ShowDataset(const DatasetOptions& options);
Result<> TouchDataset(const DatasetOptions& options);
// Asks for confirmation on a terminal.
Result<> RemoveDataset(const DatasetOptions& options);
Result<> ShowHistory(const DatasetOptions& options);
Result<> RestoreDataset(const DatasetOptions& options);

}  // namespace tarn::cli
