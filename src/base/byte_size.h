#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace tarn {

// "1GB", "1.5 GiB", "500 MB", "1024": bytes. Units as DuckDB reads them: KB, MB, GB and TB are
// powers of 1000, KiB, MiB, GiB and TiB of 1024; case does not matter.
Result<int64_t> ParseByteSize(std::string_view text);

}  // namespace tarn
