#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/up/listed_catalog.h"

namespace tarn::cli {

// The catalogue of a folder's Parquet files. Links to folders are passed over. A key is the path
// below the folder, and an ETag is made of a file's size and time of change.
class FolderCatalog : public ListedCatalog {
 public:
  FolderCatalog(std::filesystem::path folder, catalogd::Store& store)
      : ListedCatalog(store, ""), folder_(std::move(folder)) {}

 private:
  Result<std::vector<catalog::ObjectRef>> ListObjects(Deadline deadline,
                                                      const std::stop_token& stop) override;

  const std::filesystem::path folder_;
};

}  // namespace tarn::cli
