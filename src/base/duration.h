#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn {

using Duration = std::chrono::nanoseconds;

// Parses Go's duration syntax (https://pkg.go.dev/time#ParseDuration): an optional sign and a
// sequence of decimal numbers with a unit of ns, us, µs, ms, s, m or h: "30s", "1m30s", "1.5h". "0"
// needs no unit. A duration that does not fit in 63 bits of nanoseconds is an error.
Result<Duration> ParseDuration(std::string_view text);

// The shortest text that ParseDuration parses to the same duration: "1m30s", "500ms", "0s".
std::string FormatDuration(Duration duration);

}  // namespace tarn
