#pragma once

// The input of `tarn put`, from its options.

#include <filesystem>
#include <stop_token>

#include "base/result.h"
#include "cli/commands/put.h"
#include "ingest/parquet_files.h"

namespace tarn::cli {

using ingest::Column;
using ingest::Input;
using ingest::InputFormat;

// Finds the files and checks the options. Stdin becomes a file in `folder`.
Result<Input> ToInput(const PutOptions& options, const std::filesystem::path& folder,
                      const std::stop_token& stop);

}  // namespace tarn::cli
