#pragma once

// Private to src/catalog: reads the JSON of a catalogue's list in one pass.

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "catalog/manifest.h"

namespace tarn::catalog {

// See ParseChanges. Builds no tree of JSON values, because it would take a hundred bytes for each
// value in a list of 100,000 datasets.
Result<Changes> ReadChanges(std::string_view json, size_t values_max);

}  // namespace tarn::catalog
