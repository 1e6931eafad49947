#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace tarn::cli {

// A year of flights between real airports, made up but always the same: airports (48), carriers
// (8), flights (400,000, two files) and weather (a row for each airport and day). Delays follow
// the wind, so that questions have answers.
//
// Creates the folder; one that another process creates meanwhile stays. If killed, it leaves only
// FOLDER.unfinished-PID.
Result<> MakeSampleData(const std::filesystem::path& folder);

// $XDG_DATA_HOME/tarn/sample, or ~/.local/share/tarn/sample.
Result<std::filesystem::path> SampleFolder();

// Joins three of the tables.
std::string_view SampleQuery();

}  // namespace tarn::cli
