#pragma once

// Casts of columns that change no value.

#include <optional>
#include <string>

#include "ingest/columns.h"
#include "ingest/text_forms.h"

namespace tarn::ingest {

// An SQL expression for the value of a column as another type. If the type would change a value,
// the statement fails with the name of the column and the value. Numbers become the nearest FLOAT
// or DOUBLE.
//
// `forms` is null unless the column is text from CSV.
std::string CastTo(const Column& column, const std::string& type, const TextForms* forms);

// The same for texts that a reader has checked (ingest/text_rules.h).
std::string CastChecked(const Column& column, const std::string& type);

// A value that such an expression refused.
struct CastFailure {
  std::string column;
  std::string text;  // The first kCastTextMax characters.
  std::string type;

  // "column "n": "1.7" is no BIGINT"
  std::string Message() const;
};
constexpr size_t kCastTextMax = 100;

// Returns nullopt if the message of an error is not from such an expression.
std::optional<CastFailure> FailureOfCast(const std::string& message);

}  // namespace tarn::ingest
