#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace tarn::engine {

// Refuses a text whose brackets or comments are nested deeper than `levels_max`, before DuckDB
// reads it. Takes time in proportion to the text.
//
// Refuses statements whose nesting DuckDB 1.5 handles too slowly. The time of its lexer grows with
// the square of the depth, that of its planner with the cube. Neither can be interrupted: 64 KB of
// nested "/*" take 6 s, 900 nested
// "[" 15 s, 600 times "+" without a space 3 s. The tokens are those of DuckDB's lexer, which is
// PostgreSQL's (src/backend/parser/scan.l).
Result<> CheckNesting(std::string_view sql, size_t levels_max);

}  // namespace tarn::engine
