#pragma once

// Columns become other types only where no value changes.

#include <string>

#include "cli/columns.h"
#include "cli/text_forms.h"

namespace tarn::cli {

// An SQL expression for the value of a column as another type. A value that would not be the same
// there is an error of the statement that names the column and the value. Numbers become FLOAT and
// DOUBLE as near as these can be, as when they were read.
//
// `forms`: the column is text of CSV. Null: its values are what they are.
std::string CastTo(const Column& column, const std::string& type, const TextForms* forms);

// Of what such an expression says: "column "n": "1.7" is no BIGINT". Other messages stay as they
// are.
std::string MessageOfCast(const std::string& message);

}  // namespace tarn::cli
