#pragma once

// Changes to column types that break the readers of a dataset.

#include <string>
#include <vector>

#include "catalog/manifest.h"

namespace tarn::catalog {

struct TypeChange {
  std::string column;
  std::string before;
  std::string after;
};

// Returns the columns whose new type does not hold all values of the old type; see type.h. Columns
// are matched by name, ignoring ASCII case as DuckDB does. New and dropped columns are not
// included.
std::vector<TypeChange> IncompatibleChanges(const std::vector<Column>& before,
                                            const std::vector<Column>& after);

}  // namespace tarn::catalog
