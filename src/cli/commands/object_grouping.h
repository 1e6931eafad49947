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

// Whether something hides a file or folder of that name: a '.' or '_' at its front.
bool IsHiddenName(std::string_view name);
// Whether a name, or a key, ends as Parquet files do.
bool HasParquetEnding(std::string_view name);
// Whether an object belongs to a dataset, by its key below the folder or the prefix that is served:
// it ends as Parquet files do, and nothing on the way to it is hidden.
bool IsOfDataset(std::string_view path);

// The datasets of a folder, or of a bucket below a prefix: each object in it, by its name without
// the ending, and each folder in it, of all objects at any depth below. Objects that do not belong
// to a dataset are left out. All keys begin with the prefix, which is empty or ends with '/'.
//
// What cannot be a dataset (two of one name, a name that is not UTF-8) is told in `problems`.
std::vector<FoundDataset> GroupObjects(std::vector<catalog::ObjectRef> objects,
                                       std::string_view prefix, std::vector<std::string>& problems);

}  // namespace tarn::cli
