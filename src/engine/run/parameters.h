#pragma once

#include <string>

#include "base/result.h"
#include "duck/database.h"

namespace tarn::engine {

// Binds the parameters of a request: `params_json` is a list, for ? and $1, or an object, for
// $name, in JSON; empty or null when there are none. What was bound before is forgotten.
//
// A value is what it would be as a literal in the SQL, so DuckDB casts it as it casts literals:
//  - a number is INTEGER, BIGINT, HUGEINT or UHUGEINT by its size, DECIMAL with all its digits
//    (at most 38), or DOUBLE: with an exponent, or beyond all of these;
//  - a text is VARCHAR, and takes the type of the column that it is compared with;
//  - a list is a LIST whose elements have one type: numbers become the widest of theirs, null
//    is in all of them, and anything else that is mixed is an error;
//  - an object is a STRUCT; in a list of objects, a name that one lacks is null in it.
//
// Every error is kInvalidArgument, begins with "params: " and names the parameter.
Result<> BindParameters(duck::Statement& statement, const std::string& params_json);

}  // namespace tarn::engine
