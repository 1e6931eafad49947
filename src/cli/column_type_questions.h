#pragma once

// Types of columns that are text, by what all rows say.

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/columns.h"
#include "cli/converter.h"
#include "cli/text_forms.h"

namespace tarn::cli {

// A column whose type all rows have to agree to.
struct TypeQuestion {
  Column* column;
  std::vector<std::string> types;  // The narrowest first.
  bool is_unseen = false;          // In the first rows it is text, or has no values.
};

// Sets the types of the columns; VARCHAR where none of theirs holds all texts. `text_source` is
// what stands behind FROM, and gives all of these columns as VARCHAR. The notes, a line each, tell
// what somebody may want to know.
//
// In most files one pass is enough, in which each value is held against the type that it seems to
// have.
Result<std::vector<std::string>> DecideTypes(const std::vector<TypeQuestion>& questions,
                                             const std::string& text_source, const TextForms& forms,
                                             Converter& converter);

}  // namespace tarn::cli
