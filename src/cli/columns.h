#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn::cli {

class Remote;

struct Column {
  std::string name;
  std::string type;  // As DuckDB writes it.

  friend bool operator==(const Column&, const Column&) = default;
};

// Finds a column by its name without regard to case; null if there is none.
const Column* FindColumn(const std::vector<Column>& columns, std::string_view name);

// The "schema" of a manifest; empty if it has none.
std::vector<Column> ColumnsOf(const nlohmann::ordered_json& manifest);

// The inverse of ColumnsOf.
nlohmann::ordered_json SchemaOf(const std::vector<Column>& columns);

// False if the columns exceed the limits of a manifest.
bool CanBeRegistered(const std::vector<Column>& columns);

// The columns of a dataset without a schema in the catalogue, as queryd reads them from its
// objects.
Result<std::vector<Column>> AskColumns(const Remote& remote, const std::string& name);

}  // namespace tarn::cli
