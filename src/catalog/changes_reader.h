#pragma once

// Private to src/catalog: reads the JSON of a catalogue's list in one pass.

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "catalog/manifest.h"

namespace tarn::catalog {

// See ParseChanges. Builds no tree of the text: a list of 100,000 datasets would take a hundred
// bytes for each of its values.
Result<Changes> ReadChanges(std::string_view json, size_t values_max);

}  // namespace tarn::catalog
