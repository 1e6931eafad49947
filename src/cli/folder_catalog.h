#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "catalogd/store.h"
#include "queryd/catalog_source.h"

namespace tarn::cli {

struct FoundDataset {
  std::string name;
  catalog::DatasetContent content;
};

// The datasets of a folder: each Parquet file in it, by its name without the ending, and each
// folder in it that holds Parquet files at any depth. What begins with '.' or '_' is passed over,
// and so are links to folders. An ETag is made of a file's size and time of change.
//
// What cannot be a dataset (two of one name, a name that is not UTF-8) is told in `problems`.
Result<std::vector<FoundDataset>> ScanFolder(const std::filesystem::path& folder,
                                             std::vector<std::string>& problems);

// A catalogue that is in step with a folder: each List looks at the folder again and writes what
// has changed into the store.
class FolderCatalog : public queryd::CatalogSource {
 public:
  FolderCatalog(std::filesystem::path folder, catalogd::Store& store)
      : folder_(std::move(folder)), store_(store) {}

  Result<catalog::Snapshot> List();
  Result<queryd::CatalogRead> Read(const std::string& position, Duration wait, Deadline deadline,
                                   const std::stop_token& stop) override;

 private:
  const std::filesystem::path folder_;
  catalogd::Store& store_;
  std::vector<std::string> told_;  // Problems that the log has already.
};

}  // namespace tarn::cli
