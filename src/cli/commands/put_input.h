#pragma once

// What tarn put is told to read.

#include <filesystem>
#include <stop_token>

#include "base/result.h"
#include "cli/commands/put.h"
#include "cli/parquet_files.h"

namespace tarn::cli {

// The files that are meant; stdin becomes one in `folder`.
Result<Input> ToInput(const PutOptions& options, const std::filesystem::path& folder,
                      const std::stop_token& stop);

}  // namespace tarn::cli
