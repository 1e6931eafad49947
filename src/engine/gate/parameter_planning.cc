#include "engine/gate/parameter_planning.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/text.h"
#include "base/text_hash.h"
#include "engine/gate/syntax_tree.h"

namespace tarn::engine {
namespace {

using Json = nlohmann::json;

class Planning {
 public:
  Planning(const Gate::IsDataset& is_dataset, const Json& ast) : is_dataset_(is_dataset) {
    Visit(ast, true);
  }

  bool IsWithoutValues() const {
    return has_parameters_ && std::all_of(read_.begin(), read_.end(), [this](const auto& name) {
             return ctes_.contains(name) || !is_dataset_(name);
           });
  }

 private:
  // `is_planned`: DuckDB certainly plans this part of the statement. It does not plan unused CTEs.
  void Visit(const Json& node, bool is_planned) {
    if (node.is_object()) {
      if (TextOf(node, "class") == "PARAMETER") has_parameters_ = true;
      const std::string type = TextOf(node, "type");
      // Tables in other schemas are not datasets.
      const std::string schema = ToLowerAscii(TextOf(node, "schema_name"));
      const bool in_main = schema.empty() || schema == "main";
      if (type == "BASE_TABLE" && is_planned && in_main && TextOf(node, "catalog_name").empty()) {
        read_.push_back(ToLowerAscii(TextOf(node, "table_name")));
      }
      is_planned = is_planned && type != "SHOW_REF";
    }
    if (!node.is_structured()) return;
    for (const auto& [key, child] : node.items()) {
      if (node.is_object() && key == "cte_map") LearnNames(child);
      Visit(child, is_planned && !(node.is_object() && key == "cte_map"));
    }
  }
  void LearnNames(const Json& cte_map) {
    const auto map = cte_map.find("map");
    if (map == cte_map.end()) return;
    for (const Json& entry : *map) ctes_.insert(ToLowerAscii(TextOf(entry, "key")));
  }

  const Gate::IsDataset& is_dataset_;
  bool has_parameters_ = false;
  std::vector<std::string> read_;  // In lower case.
  TextSet ctes_;                   // In lower case.
};

}  // namespace

bool HasParameters(const Json& node) {
  if (node.is_object() && TextOf(node, "class") == "PARAMETER") return true;
  return node.is_structured() && std::any_of(node.begin(), node.end(), [](const Json& child) {
           return HasParameters(child);
         });
}

bool IsPlannedWithoutValues(const Json& tree, const Gate::IsDataset& is_dataset) {
  return Planning(is_dataset, tree).IsWithoutValues();
}

}  // namespace tarn::engine
