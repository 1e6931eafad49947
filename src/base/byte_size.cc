#include "base/byte_size.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace tarn {

Result<int64_t> ParseByteSize(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 10> kUnits = {{{"", 1.0},
                                                                           {"b", 1.0},
                                                                           {"kb", 1e3},
                                                                           {"mb", 1e6},
                                                                           {"gb", 1e9},
                                                                           {"tb", 1e12},
                                                                           {"kib", 0x1p10},
                                                                           {"mib", 0x1p20},
                                                                           {"gib", 0x1p30},
                                                                           {"tib", 0x1p40}}};
  const std::string_view trimmed = Trim(text);
  double number = 0;
  const auto [end, code] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), number);
  const std::string unit =
      ToLowerAscii(Trim(trimmed.substr(static_cast<size_t>(end - trimmed.data()))));
  for (const auto& [name, factor] : kUnits) {
    if (code != std::errc() || unit != name) continue;
    const double bytes = number * factor;
    if (!(bytes >= 0) || bytes > 0x1p62) break;
    return static_cast<int64_t>(std::llround(bytes));
  }
  return InvalidArgument(
      fmt::format("\"{}\" must be a number and a unit, as in \"1GB\" or \"512MiB\"", text));
}

}  // namespace tarn
