#pragma once

#include <string>

#include "base/result.h"
#include "duck/database.h"

namespace tarn::engine {

// Binds the parameters of a request. `params_json` is a JSON list for ? and $1, or an object for
// $name; empty or null if there are none. Removes the values of an earlier run.
//
// A value has the type that it would have as a literal in the SQL, so DuckDB casts it like one:
//  - A number is INTEGER, BIGINT, HUGEINT or UHUGEINT, depending on its size; DECIMAL with up to 38
//    digits; or DOUBLE if it has an exponent or does not fit into these types.
//  - A string is VARCHAR. In a comparison it takes the type of the column.
//  - An array is a LIST. All elements get one type: the widest of the number types. null fits any
//    type. Other mixtures are an error.
//  - An object is a STRUCT. In an array of objects, a missing member is null.
//
// Errors of the request are kInvalidArgument and begin with "params: ". An error of one parameter
// names it.
Result<> BindParameters(duck::Statement& statement, const std::string& params_json);

}  // namespace tarn::engine
