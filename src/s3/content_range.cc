#include "s3/content_range.h"

#include <charconv>

namespace tarn::s3 {
namespace {

// Removes a number and the following `end` from the front of the text; '\0' is the end of the text.
std::optional<uint64_t> ConsumeNumber(std::string_view& text, char end) {
  uint64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(stop - text.data()));
  if (end == '\0') return text.empty() ? std::optional(value) : std::nullopt;
  if (!text.starts_with(end)) return std::nullopt;
  text.remove_prefix(1);
  return value;
}

}  // namespace

std::optional<ContentRange> ParseContentRange(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const auto first = ConsumeNumber(text, '-');
  if (!first) return std::nullopt;
  const auto last = ConsumeNumber(text, '/');
  if (!last) return std::nullopt;
  const auto all = ConsumeNumber(text, '\0');
  if (!all || *first > *last || *last >= *all) return std::nullopt;
  return ContentRange{.begin = *first, .bytes = *last - *first + 1, .object_bytes = *all};
}

}  // namespace tarn::s3
