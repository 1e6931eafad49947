#pragma once

// Finds the types of text columns from all rows.

#include <string>
#include <vector>

#include "base/result.h"
#include "ingest/columns.h"
#include "ingest/converter.h"
#include "ingest/text_forms.h"

namespace tarn::ingest {

// A column, and its possible types.
struct TypeQuestion {
  Column* column;
  std::vector<std::string> types;  // The narrowest first.
  bool is_unseen = false;          // Its first rows are text, or have no values.
};

// Sets the types of the columns, to VARCHAR if none of their types represents all texts.
// `text_source` is a FROM clause with all of these columns as VARCHAR. Returns notes for the user,
// a line each.
//
// Most files need one pass, which checks each value against the most likely type.
Result<std::vector<std::string>> DecideTypes(const std::vector<TypeQuestion>& questions,
                                             const std::string& text_source, const TextForms& forms,
                                             Converter& converter);

}  // namespace tarn::ingest
