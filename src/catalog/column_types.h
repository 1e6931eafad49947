#pragma once

// Which changes of a dataset's columns its readers do not notice.

#include <string>
#include <vector>

#include "catalog/manifest.h"

namespace tarn::catalog {

struct TypeChange {
  std::string column;
  std::string before;
  std::string after;
};

// True when each value of the one type is one of the other, as the same kind of thing: a wider
// integer, DOUBLE for FLOAT, more digits on both sides of a DECIMAL's point. Lists, structs and
// maps are compared by their parts, a struct's fields as columns are; other types by their text, in
// which spaces and the case of letters do not count, nor DuckDB's other names for a type (INT,
// TEXT).
bool IsWidening(const std::string& before, const std::string& after);

// The columns whose type became another, and no wider one. Columns are told apart as DuckDB does,
// without regard to ASCII case. New and dropped ones are no such change.
std::vector<TypeChange> IncompatibleChanges(const std::vector<Column>& before,
                                            const std::vector<Column>& after);

}  // namespace tarn::catalog
