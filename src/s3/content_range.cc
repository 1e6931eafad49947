#include "s3/content_range.h"

#include <charconv>

namespace tarn::s3 {
namespace {

// The number at the front, up to `end`, which is taken away too; '\0' is the end of the text.
std::optional<uint64_t> TakeNumber(std::string_view& text, char end) {
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
  const auto first = TakeNumber(text, '-');
  if (!first) return std::nullopt;
  const auto last = TakeNumber(text, '/');
  if (!last) return std::nullopt;
  const auto all = TakeNumber(text, '\0');
  if (!all || *first > *last || *last >= *all) return std::nullopt;
  return ContentRange{.begin = *first, .bytes = *last - *first + 1, .object_bytes = *all};
}

}  // namespace tarn::s3
