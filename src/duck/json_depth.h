#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace tarn::duck {

// Limits the nesting depth of JSON that DuckDB parses in this process from now on. DuckDB treats
// deeper JSON as malformed: the query fails, or the function returns NULL.
//
// Many of DuckDB's functions are recursive in the depth of a JSON value without a limit (1.5.5:
// json_contains, json_structure, json_merge_patch, casts to VARIANT), so that a text of 60 KB can
// overflow the stack and end the process. DuckDB has no setting for it. All JSON passes one
// exported function of libduckdb.so, yyjson_read_opts(), and this program's definition of it takes
// precedence (ELF symbol interposition, ld.so(8)). It checks the depth and calls DuckDB's own
// function.
//
// kInternal if this DuckDB has no such function. Thread-safe.
Result<> LimitJsonDepth(size_t levels_max);

// True if lists and objects in the text are nested more than `levels_max` deep. With
// `first_value_only`, checks only the first value. Time is linear in the size of the text.
bool IsJsonDeeperThan(std::string_view text, size_t levels_max, bool first_value_only);

}  // namespace tarn::duck
