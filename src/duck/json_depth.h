#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace tarn::duck {

// Bounds how deep JSON may be nested that DuckDB parses in this process, from now on. Deeper JSON
// is malformed to DuckDB: an error of the query, or NULL where a function says so.
//
// Many of DuckDB's functions recurse for each level of a JSON value without a limit (1.5.5:
// json_contains, json_structure, json_merge_patch, casts to VARIANT), so that a text of 60 KB can
// exhaust the stack and end the process. DuckDB has no setting for it. All JSON enters through one
// exported function of libduckdb.so, yyjson_read_opts(), and this program's definition of it takes
// precedence (ELF symbol interposition, ld.so(8)). It counts the levels and calls DuckDB's own.
//
// kInternal where this DuckDB has no such function. Thread-safe.
Result<> LimitJsonDepth(size_t levels_max);

// True for a text with more than `levels_max` levels of lists and objects. Reads the first value of
// the text only, if `first_value_only`. Takes time in proportion to the text.
bool IsJsonDeeperThan(std::string_view text, size_t levels_max, bool first_value_only);

}  // namespace tarn::duck
