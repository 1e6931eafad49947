#include "protocol/format.h"

#include <array>

namespace tarn {
namespace {

constexpr std::array<FormatDescription, 4> kFormats = {{
    {.format = Format::kJson,
     .name = "json",
     .media_type = "application/json",
     .content_type = "application/json",
     .is_text = true,
     .is_row_by_row = true,
     .marks_truncation = true},
    {.format = Format::kNdjson,
     .name = "ndjson",
     .media_type = "application/x-ndjson",
     .content_type = "application/x-ndjson",
     .is_text = true,
     .is_row_by_row = true,
     .marks_truncation = true},
    {.format = Format::kCsv,
     .name = "csv",
     .media_type = "text/csv",
     .content_type = "text/csv; charset=utf-8; header=present",
     .is_text = true,
     .is_row_by_row = true,
     .marks_truncation = false},
    {.format = Format::kArrow,
     .name = "arrow",
     .media_type = "application/vnd.apache.arrow.stream",
     .content_type = "application/vnd.apache.arrow.stream",
     .is_text = false,
     .is_row_by_row = false,
     .marks_truncation = false},
}};

constexpr bool IsInOrder() {
  for (size_t i = 0; i < kFormats.size(); ++i) {
    if (static_cast<size_t>(kFormats[i].format) != i) return false;
  }
  return true;
}
static_assert(IsInOrder());

}  // namespace

std::span<const FormatDescription> Formats() { return kFormats; }

const FormatDescription& Describe(Format format) {
  return kFormats.at(static_cast<size_t>(format));
}

std::optional<Format> FormatOfName(std::string_view name) {
  for (const FormatDescription& known : kFormats) {
    if (known.name == name) return known.format;
  }
  return std::nullopt;
}

std::string FormatNames() {
  std::string names;
  for (size_t i = 0; i < kFormats.size(); ++i) {
    if (i > 0) names += i + 1 < kFormats.size() ? ", " : " or ";
    names += kFormats[i].name;
  }
  return names;
}

}  // namespace tarn
