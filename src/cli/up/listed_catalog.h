#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "catalogd/store/store.h"
#include "queryd/datasets/catalog_source.h"

namespace tarn::cli {

// A catalogue that follows a folder or bucket with Parquet: each Read lists the objects and writes
// the changes into the store, which is for this catalogue only. If the list fails, the store stays
// unchanged.
//
// Not thread-safe.
class ListedCatalog : public queryd::CatalogSource {
 public:
  Result<queryd::CatalogRead> Read(const std::string& position, Duration wait, Deadline deadline,
                                   const std::stop_token& stop) override;
  // Long, because the list is repeated every few seconds.
  Duration WarnAgainAfter() const override { return std::chrono::hours(1); }

 protected:
  // All listed keys begin with `prefix`, which is not a part of the names of datasets.
  ListedCatalog(catalogd::Store& store, std::string prefix)
      : store_(store), prefix_(std::move(prefix)) {}

  // Returns objects with ETags in any order. Objects that do not belong to a dataset are ignored.
  virtual Result<std::vector<catalog::ObjectRef>> ListObjects(Deadline deadline,
                                                              const std::stop_token& stop) = 0;
  const std::string& prefix() const { return prefix_; }

 private:
  Result<> Write(std::vector<catalog::ObjectRef> objects);

  catalogd::Store& store_;
  const std::string prefix_;
  std::vector<std::string> told_;  // The problems that were logged.
  // The objects of the last successful Read.
  std::optional<std::vector<catalog::ObjectRef>> known_;
};

}  // namespace tarn::cli
