#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "base/text_hash.h"

namespace tarn::queryd {

// Limits the memory for the columns of datasets: of each dataset, and of all together. The datasets
// of each token may have half of the latter. Datasets without a token may have all of it.
//
// Not thread-safe.
class SchemaBudget {
 public:
  struct Limits {
    uint64_t dataset_bytes = UINT64_MAX;
    uint64_t total_bytes = UINT64_MAX;
  };
  explicit SchemaBudget(Limits limits) : limits_(limits) {}

  // Counts the columns of a dataset in place of its former ones. The error names the limit. After
  // an error, the former columns stay counted.
  Result<> Take(const std::string& dataset, const std::string& owner, uint64_t bytes);
  void Release(const std::string& dataset);

  uint64_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string owner;
    uint64_t bytes = 0;
  };
  void Count(const Entry& entry);

  const Limits limits_;
  TextMap<Entry> entries_;                  // By the name of the dataset.
  std::map<std::string, uint64_t> owners_;  // The bytes of each owner; none is 0.
  uint64_t bytes_ = 0;
};

}  // namespace tarn::queryd
