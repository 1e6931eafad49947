#pragma once

// The texts that a type chosen by the user represents: more than the type that Tarn finds by itself
// would, because "007" can be a code, but is 7 in a column of integers.

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::ingest {

// True if the type keeps the value of a text.
using TextRule = std::function<bool(std::string_view text)>;

// The rule of a type as DuckDB writes it; null for types without a rule.
TextRule RuleOf(std::string_view type);

// The rule that refuses only texts that begin with `text`, or are equal to it if it is shorter than
// `cut_at` characters. Finds the line of a text that a cast has refused.
TextRule RuleAgainst(const std::string& text, size_t cut_at);

// The rule of a column.
struct ColumnRule {
  std::string type;
  TextRule holds;  // Null: any text.
};

// The error names the column, the text and the type.
Result<> CheckText(const ColumnRule& rule, std::string_view column, std::string_view text);

}  // namespace tarn::ingest
