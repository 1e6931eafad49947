#include "ingest/columns.h"

#include <algorithm>

#include "base/text.h"

namespace tarn::ingest {

const Column* FindColumn(const std::vector<Column>& columns, std::string_view name) {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const Column& column) {
    return EqualsIgnoreCase(column.name, name);
  });
  return found == columns.end() ? nullptr : &*found;
}

}  // namespace tarn::ingest
