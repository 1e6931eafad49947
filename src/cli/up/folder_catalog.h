#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/up/listed_catalog.h"

namespace tarn::cli {

// The catalogue of the Parquet files in a folder. Ignores links to folders. A key is the path below
// the folder. An ETag consists of the file's modification time and size.
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
