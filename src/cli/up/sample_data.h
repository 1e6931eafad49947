#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace tarn::cli {

// Creates a folder with sample data: a year of made-up flights between real airports, always the
// same. The datasets are airports (48 rows), carriers (8), flights (400,000 in two files) and
// weather (a row for each airport and day). Delays depend on the wind.
//
// If another process creates the folder meanwhile, that folder stays. If killed, leaves only
// FOLDER.unfinished-PID.
Result<> MakeSampleData(const std::filesystem::path& folder);

// Returns $XDG_DATA_HOME/tarn/sample, or ~/.local/share/tarn/sample.
Result<std::filesystem::path> SampleFolder();

// Returns a query that joins three of the datasets.
std::string_view SampleQuery();

}  // namespace tarn::cli
