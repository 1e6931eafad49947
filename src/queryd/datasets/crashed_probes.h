#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "queryd/datasets/wanted_dataset.h"

namespace tarn::queryd {

// The versions of datasets whose probe ended its process. They are not probed again until they
// change. A file keeps them across restarts. It may be deleted at any time: the datasets are probed
// once more then.
//
// The file is ignored if another version of the programs wrote it, or if another user owns it or
// may write it. A failure to read or write it has a line in the log and is no error.
//
// Not thread-safe.
class CrashedProbes {
 public:
  // At most this many versions are kept. The oldest one is evicted.
  static constexpr size_t kEntriesMax = 1000;
  // The most bytes of the error of one version. A longer one is cut.
  static constexpr size_t kErrorBytesMax = 1000;

  // Without a file: the versions are forgotten at the end of the process.
  CrashedProbes() = default;
  // Reads the file, if there is one. `writer` is the version of the programs.
  CrashedProbes(std::filesystem::path file, std::string writer);

  // Returns the error to report for this version, or null if its probe did not end a process.
  const std::string* Find(const WantedDataset& dataset) const;
  void Add(const WantedDataset& dataset, const std::string& error);

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    uint64_t version = 0;
    uint64_t number = 0;  // Rises with each entry.
    std::string error;
  };
  Result<> Read();
  Result<> Write() const;

  std::filesystem::path file_;  // Empty: none.
  std::string writer_;
  std::map<std::string, Entry> entries_;  // By the name of the dataset.
  uint64_t last_number_ = 0;
};

// A number for the content of a dataset: its keys and ETags. It contains the time of the last
// change if an object has no ETag in the catalogue.
uint64_t VersionOf(const WantedDataset& dataset);

// The path of the file for the datasets of one catalogue. `catalogue` is the URL of the catalogue,
// or the place that it lists.
std::filesystem::path CrashedProbesFile(const std::string& folder, std::string_view catalogue);

}  // namespace tarn::queryd
