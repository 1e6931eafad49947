#pragma once

// The changes of a dataset's columns that its readers notice.

#include <string>
#include <vector>

#include "catalog/manifest.h"

namespace tarn::catalog {

struct TypeChange {
  std::string column;
  std::string before;
  std::string after;
};

// The columns whose type changed to one that does not hold all former values; see type.h. Columns
// are matched by name without regard to ASCII case, as DuckDB does. New and dropped columns are not
// changes of a type.
std::vector<TypeChange> IncompatibleChanges(const std::vector<Column>& before,
                                            const std::vector<Column>& after);

}  // namespace tarn::catalog
