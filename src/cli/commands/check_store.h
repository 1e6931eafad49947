#pragma once

#include <string>

#include "base/result.h"
#include "cli/commands/findings.h"
#include "config/lakehouse.h"

namespace tarn::cli {

// Requests the first key with this prefix from the bucket of [s3], and adds the findings.
void CheckStore(const LakehouseSettings& settings, const std::string& prefix, Findings& findings);

// The same for commands that use SettingsOfBucket. Returns the first problem as an error, with
// advice.
Result<> RequireStore(const LakehouseSettings& settings, const std::string& prefix);

// Returns the endpoint for output.
std::string EndpointOf(const S3Settings& s3);

}  // namespace tarn::cli
