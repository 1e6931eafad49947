#include "duck/advice.h"

#include <cstdint>

namespace tarn::duck {
namespace {

enum class Extent : uint8_t {
  kText,  // Only the text.
  kLine,  // From the text to the end of its line.
  kRest,  // From the text to the end of the message.
};

struct Advice {
  std::string_view begin;
  Extent extent = Extent::kLine;
  std::string_view instead;
};

// The advice in messages of DuckDB 1.5.5. It is also removed from texts of error('…').
constexpr Advice kAdvice[] = {
    // Limits that are settings of queryd.
    {R"(. Use "SET max_expression_depth TO x" to increase the maximum expression depth.)",
     Extent::kText, " (queryd.expression_depth_max)"},
    {"\nThis limit was set by the 'max_temp_directory_size' setting.", Extent::kRest,
     "\nThe limit is queryd.temp_directory_limit."},
    {"\nDatabase is launched in in-memory mode", Extent::kRest},
    {"\nTo enable temporary buffer eviction", Extent::kRest},
    {"\n\nPossible solutions:", Extent::kRest},
    // Settings that cannot be changed.
    {" Use SET pivot_limit=X to increase the limit.", Extent::kText},
    {"\n* SET order_by_non_integer_literal=true"},
    {"\n\nUse \"SET scalar_subquery_error_on_multiple_rows=false\""},
    {"\nUse \"SET scalar_subquery_error_on_multiple_rows=false\""},
    {"\nUse SET lambda_syntax="},
    {"\nUse SET deprecated_using_key_syntax="},
    {"\n* SET arrow_large_buffer_size=true"},
    {"\n* Set the 'ignore_unknown_crs' configuration option"},
    {"\n* PRAGMA disable_optimizer"},
    {" DuckDB may still be able to scan this file by manually disabling"},
    {" Add it with PRAGMA add_parquet_key"},
    {"\nIf you are trying to read files with different schemas", Extent::kRest},
    {", try ignore_errors=true", Extent::kRest},
    // Extensions.
    {"\n* Load an extension that can identify this coordinate system"},
    {"\nPlease try installing", Extent::kRest},
    {"\nInstall it first using", Extent::kRest},
    {"\nConsider explicitly \"INSTALL"},
    {" You can try \"INSTALL"},
    // Addresses and files.
    {"\nStack Trace:", Extent::kRest},
    {"\nThis error signals an assertion failure", Extent::kRest},
};

void Apply(const Advice& advice, std::string& text) {
  const size_t begin = text.find(advice.begin);
  if (begin == std::string::npos) return;
  size_t end = begin + advice.begin.size();
  if (advice.extent == Extent::kLine) end = text.find('\n', end);
  if (advice.extent == Extent::kRest) end = std::string::npos;
  text.replace(begin, end == std::string::npos ? end : end - begin, advice.instead);
}

}  // namespace

std::string WithoutAdvice(std::string_view message) {
  std::string text(message);
  for (const Advice& advice : kAdvice) Apply(advice, text);
  return text;
}

}  // namespace tarn::duck
