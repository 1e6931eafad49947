#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "catalog/manifest.h"

namespace tarn::cli {

struct FoundDataset {
  std::string name;
  catalog::DatasetContent content;
};

// Returns true for names of ignored files and folders, which begin with '.' or '_'.
bool IsHiddenName(std::string_view name);
// Returns true if a name or key ends with .parquet, in any case.
bool HasParquetEnding(std::string_view name);
// Returns true if an object belongs to a dataset: it ends with .parquet, and no part of the path is
// hidden. The path is relative to the served folder or prefix.
bool IsOfDataset(std::string_view path);

// Groups the objects of a folder, or of a bucket below a prefix, into datasets. Each object at the
// top level is a dataset, named without its ending. Each folder at the top level is a dataset of
// the objects at any depth. Other objects are ignored. All keys begin with the prefix, which is
// empty or ends with '/'.
//
// Adds names that cannot be a dataset to `problems`, such as repeated names and invalid UTF-8.
std::vector<FoundDataset> GroupObjects(std::vector<catalog::ObjectRef> objects,
                                       std::string_view prefix, std::vector<std::string>& problems);

}  // namespace tarn::cli
