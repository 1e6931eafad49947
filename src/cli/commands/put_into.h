#pragma once

// tarn put --into: writes a dataset into a folder or bucket that `tarn up` serves, without a
// catalogue.

#include "base/result.h"
#include "cli/commands/put.h"
#include "cli/commands/put_progress.h"

namespace tarn::cli {

// A subfolder with files is a dataset. Names that begin with a dot are ignored.
Result<> PutIntoFolder(const PutOptions& options, const PutTask& task);

// s3://BUCKET[/PREFIX]: the objects below PREFIX/NAME/ are a dataset.
//
// A bucket cannot replace objects in one step: while a dataset is replaced, a list can have objects
// of both. After a failure before all objects are sent, the new objects are deleted.
Result<> PutIntoBucketUrl(const PutOptions& options, const PutTask& task);

}  // namespace tarn::cli
