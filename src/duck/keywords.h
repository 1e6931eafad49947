#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

namespace tarn::duck {

// DuckDB's keywords, which it quotes when it writes them as a name. Filled once, by the first
// Database that is opened, from duckdb_keywords().
void LearnKeywords(std::unordered_set<std::string> keywords);

// The name as DuckDB itself writes it in a type: in quotes only where it must be.
std::string QuoteIfNeeded(std::string_view name);

}  // namespace tarn::duck
