#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "catalogd/store/store.h"
#include "queryd/datasets/catalog_source.h"

namespace tarn::cli {

// A catalogue that is in step with a place that holds Parquet: each Read lists what is there and
// writes what has changed into the store, which holds nothing else.
//
// Where the list fails, the store stays as it is. Not thread-safe.
class ListedCatalog : public queryd::CatalogSource {
 public:
  Result<queryd::CatalogRead> Read(const std::string& position, Duration wait, Deadline deadline,
                                   const std::stop_token& stop) override;
  // The list is made anew every second or so.
  Duration WarnAgainAfter() const override { return std::chrono::hours(1); }

 protected:
  // All keys that it lists begin with `prefix`, which is no part of the datasets' names.
  ListedCatalog(catalogd::Store& store, std::string prefix)
      : store_(store), prefix_(std::move(prefix)) {}

  // With ETags; what belongs to no dataset may be among them, in any order.
  virtual Result<std::vector<catalog::ObjectRef>> ListObjects(Deadline deadline,
                                                              const std::stop_token& stop) = 0;
  const std::string& prefix() const { return prefix_; }

 private:
  Result<> Write(std::vector<catalog::ObjectRef> objects);

  catalogd::Store& store_;
  const std::string prefix_;
  std::vector<std::string> told_;  // Problems that the log has already.
  // What the last Read that came to its end was about.
  std::optional<std::vector<catalog::ObjectRef>> known_;
};

}  // namespace tarn::cli
