#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace tarn::engine {

// Refuses a text whose brackets or comments are nested deeper than `levels_max`. Takes time in
// proportion to the text.
//
// DuckDB 1.5 handles deep nesting too slowly: the time of its lexer grows with the square of the
// depth, and the time of its planner with the cube. Neither can be interrupted. 64 KB of nested
// "/*" take 6 s, 900 nested "[" 15 s, 600 times "+" without a space 3 s. The check reads the same
// tokens as DuckDB's lexer, which is PostgreSQL's (src/backend/parser/scan.l).
Result<> CheckNesting(std::string_view sql, size_t levels_max);

}  // namespace tarn::engine
