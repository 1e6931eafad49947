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

// By its name, as SQL takes names; null where there is none.
const Column* FindColumn(const std::vector<Column>& columns, std::string_view name);

// The "schema" of a manifest; empty where it has none.
std::vector<Column> ColumnsOf(const nlohmann::ordered_json& manifest);

// The other way round.
nlohmann::ordered_json SchemaOf(const std::vector<Column>& columns);

// Those of a dataset that was registered without them: queryd knows them from its objects.
Result<std::vector<Column>> AskColumns(const Remote& remote, const std::string& name);

}  // namespace tarn::cli
