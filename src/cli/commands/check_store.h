#pragma once

#include <string>

#include "base/result.h"
#include "cli/commands/findings.h"
#include "config/lakehouse.h"

namespace tarn::cli {

// Asks the store of [s3] for its bucket's first key with this prefix, and says what came of it.
void CheckStore(const LakehouseSettings& settings, const std::string& prefix, Findings& findings);

// The same for a command that uses SettingsOfBucket: what is not good is its error, and says what
// to do.
Result<> RequireStore(const LakehouseSettings& settings, const std::string& prefix);

// Where the store is, for people.
std::string EndpointOf(const S3Settings& s3);

}  // namespace tarn::cli
