#pragma once

// tarn put --into: a dataset of what tarn up serves, which no catalogue has to be told of.

#include <stop_token>

#include "base/result.h"
#include "cli/commands/put.h"

namespace tarn::cli {

// A folder of files is a dataset, and what begins with a dot is none.
Result<> PutIntoFolder(const PutOptions& options, const std::stop_token& stop);

// s3://BUCKET[/PREFIX]: the objects below PREFIX/NAME/ are a dataset.
//
// A bucket knows no step that takes one object away and brings another: while a dataset is
// replaced, a list can have objects of both. What fails before all is there is taken back.
Result<> PutIntoBucketUrl(const PutOptions& options, const std::stop_token& stop);

}  // namespace tarn::cli
