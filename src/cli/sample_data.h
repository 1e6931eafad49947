#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace tarn::cli {

// Makes one year of invented flights between real airports, always the same: airports (48),
// carriers (8), flights (400,000, two files) and weather (a row for each airport and day). Delays
// depend on the wind.
//
// Creates the folder, unless another process does so meanwhile. After a kill, only
// FOLDER.unfinished-PID is left.
Result<> MakeSampleData(const std::filesystem::path& folder);

// $XDG_DATA_HOME/tarn/sample, or ~/.local/share/tarn/sample.
Result<std::filesystem::path> SampleFolder();

// A query that joins three of the tables.
std::string_view SampleQuery();

}  // namespace tarn::cli
