#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace tarn {

// Parses a size in bytes: "1GB", "1.5 GiB", "500 MB", "1024". Units as in DuckDB: KB, MB, GB and TB
// are powers of 1000; KiB, MiB, GiB and TiB are powers of 1024. Case-insensitive.
Result<int64_t> ParseByteSize(std::string_view text);

}  // namespace tarn
