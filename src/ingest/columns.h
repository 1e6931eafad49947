#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tarn::ingest {

struct Column {
  std::string name;
  std::string type;  // As DuckDB writes it.

  friend bool operator==(const Column&, const Column&) = default;
};

// Finds a column by its name without regard to case; null if there is none.
const Column* FindColumn(const std::vector<Column>& columns, std::string_view name);

}  // namespace tarn::ingest
