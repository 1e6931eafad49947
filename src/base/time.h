#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tarn {

// Wall-clock time, as stored and shown: microseconds since 1970-01-01 UTC.
using UnixMicros = std::chrono::sys_time<std::chrono::microseconds>;

UnixMicros NowMicros();

// RFC 3339 in UTC with six decimals: "2026-11-22T15:50:00.123456Z".
std::string FormatRfc3339(UnixMicros time);

}  // namespace tarn
