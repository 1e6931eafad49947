#include "base/duration.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <limits>

namespace tarn {
namespace {

struct Unit {
  std::string_view name;
  int64_t nanos;
};
// Longer names first, so that "ms" is not parsed as "m".
constexpr std::array<Unit, 8> kUnits = {{
    {"ns", 1},
    {"us", 1'000},
    {"\xC2\xB5s", 1'000},  // U+00B5 micro sign
    {"\xCE\xBCs", 1'000},  // U+03BC Greek letter mu
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
}};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

Error DurationError(std::string_view text, std::string_view why) {
  return InvalidArgument(fmt::format("\"{}\": {} (write 30s, 1m30s or 500ms)", text, why));
}

}  // namespace

Result<Duration> ParseDuration(std::string_view text) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return Duration::zero();
  if (rest.empty()) return DurationError(text, "no number");

  __extension__ using Wide = __int128;
  constexpr Wide kMax = std::numeric_limits<int64_t>::max();
  Wide total = 0;
  while (!rest.empty()) {
    Wide whole = 0;
    Wide fraction = 0;
    Wide scale = 1;
    size_t digits = 0;
    for (; !rest.empty() && IsDigit(rest.front()); rest.remove_prefix(1), ++digits) {
      whole = whole * 10 + (rest.front() - '0');
      if (whole > kMax) return DurationError(text, "too large");
    }
    if (!rest.empty() && rest.front() == '.') {
      rest.remove_prefix(1);
      for (; !rest.empty() && IsDigit(rest.front()); rest.remove_prefix(1), ++digits) {
        // Digits below the resolution of a nanosecond are ignored.
        if (scale < Wide{1'000'000'000'000'000}) {
          fraction = fraction * 10 + (rest.front() - '0');
          scale *= 10;
        }
      }
    }
    if (digits == 0) return DurationError(text, "not a number");

    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (rest.starts_with(candidate.name)) {
        unit = &candidate;
        break;
      }
    }
    if (unit == nullptr) return DurationError(text, rest.empty() ? "no unit" : "unknown unit");
    rest.remove_prefix(unit->name.size());
    if (!rest.empty() && !IsDigit(rest.front()) && rest.front() != '.') {
      return DurationError(text, "unknown unit");
    }
    total += whole * unit->nanos + fraction * unit->nanos / scale;
    if (total > kMax) return DurationError(text, "too large");
  }
  const auto nanos = static_cast<int64_t>(total);
  return Duration(negative ? -nanos : nanos);
}

std::string FormatDuration(Duration duration) {
  int64_t nanos = duration.count();
  if (nanos == 0) return "0s";
  std::string out;
  if (nanos < 0) out = "-";
  // Kept negative, because the most negative value has no positive counterpart.
  if (nanos > 0) nanos = -nanos;
  constexpr std::array<Unit, 6> kDescending = {{{"h", 3'600'000'000'000},
                                                {"m", 60'000'000'000},
                                                {"s", 1'000'000'000},
                                                {"ms", 1'000'000},
                                                {"us", 1'000},
                                                {"ns", 1}}};
  for (const Unit& unit : kDescending) {
    const int64_t count = -(nanos / unit.nanos);
    if (count == 0) continue;
    out += fmt::format("{}{}", count, unit.name);
    nanos += count * unit.nanos;
  }
  return out;
}

}  // namespace tarn
