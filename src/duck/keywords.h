#pragma once

#include <string>
#include <string_view>

#include "base/text_hash.h"

namespace tarn::duck {

// Sets DuckDB's keywords, which must be quoted as names. Called by the first Database that is
// opened, with duckdb_keywords(); further calls have no effect.
void SetKeywords(TextSet keywords);

// Quotes a name as DuckDB does in types: only if necessary.
std::string QuoteIfNeeded(std::string_view name);

}  // namespace tarn::duck
