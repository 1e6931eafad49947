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

// True for the name of a hidden file or folder, which begins with '.' or '_'.
bool IsHiddenName(std::string_view name);
// True if a name or key has the extension of Parquet files.
bool HasParquetEnding(std::string_view name);
// True if an object belongs to a dataset, by its key below the served folder or prefix: it has the
// extension of Parquet files, and no part of the key is hidden.
bool IsOfDataset(std::string_view path);

// Groups the objects of a folder, or of a bucket below a prefix, into datasets. Each object in it
// is a dataset with its name without the extension. Each folder in it is a dataset of all objects
// at any depth. Ignores objects that do not belong to a dataset. All keys begin with the prefix,
// which is empty or ends with '/'.
//
// Adds to `problems` the objects that cannot be a dataset: two with one name, a name that is not
// UTF-8.
std::vector<FoundDataset> GroupObjects(std::vector<catalog::ObjectRef> objects,
                                       std::string_view prefix, std::vector<std::string>& problems);

}  // namespace tarn::cli
