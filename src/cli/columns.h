#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "ingest/columns.h"

namespace tarn::cli {

class Remote;

using ingest::Column;
using ingest::FindColumn;

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
