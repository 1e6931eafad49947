#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tarn::engine {

// Read members of a node in the syntax tree of DuckDB's json_serialize_sql. A member that is
// missing or has another type reads as empty.
std::string TextOf(const nlohmann::json& node, const char* name);
const nlohmann::json& ListOf(const nlohmann::json& node, const char* name);
const nlohmann::json& NodeOf(const nlohmann::json& node, const char* name);

}  // namespace tarn::engine
