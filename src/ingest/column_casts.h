#pragma once

// Casts of columns that change no value.

#include <string>

#include "ingest/columns.h"
#include "ingest/text_forms.h"

namespace tarn::ingest {

// An SQL expression for the value of a column as another type. If the type would change a value,
// the statement fails with the name of the column and the value. Numbers become the nearest FLOAT
// or DOUBLE.
//
// `forms`: the column is text from CSV; null: it is not.
std::string CastTo(const Column& column, const std::string& type, const TextForms* forms);

// The same for texts that a reader has checked (ingest/text_rules.h).
std::string CastChecked(const Column& column, const std::string& type);

// Extracts the error of such an expression from a message: "column "n": "1.7" is no BIGINT".
// Returns other messages unchanged.
std::string MessageOfCast(const std::string& message);

}  // namespace tarn::ingest
