#include "base/time.h"

#include <fmt/format.h>

#include <algorithm>

namespace tarn {

UnixMicros NowMicros() {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

// Each thread caches the text up to the second, because the log formats a time for every line.
std::string FormatRfc3339(UnixMicros time) {
  thread_local std::chrono::sys_seconds formatted{std::chrono::seconds::min()};
  thread_local std::string text;
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  if (second != formatted) {
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(second - day);
    text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count());
    formatted = second;
  }
  // Six digits and 'Z'.
  std::string result = text + "000000Z";
  const fmt::format_int digits((time - second).count());
  std::copy(digits.data(), digits.data() + digits.size(),
            result.end() - 1 - static_cast<std::ptrdiff_t>(digits.size()));
  return result;
}

}  // namespace tarn
