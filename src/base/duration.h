#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn {

using Duration = std::chrono::nanoseconds;

// Go's duration syntax (https://pkg.go.dev/time#ParseDuration): a sequence of decimal numbers,
// each with a unit of ns, us, µs, ms, s, m or h, after an optional sign: "30s", "1m30s", "1.5h".
// "0" needs no unit. Whatever does not fit 63 bits of nanoseconds is an error.
Result<Duration> ParseDuration(std::string_view text);

// The shortest text that ParseDuration reads back: "1m30s", "500ms", "0s".
std::string FormatDuration(Duration duration);

}  // namespace tarn
