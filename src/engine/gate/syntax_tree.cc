#include "engine/gate/syntax_tree.h"

namespace tarn::engine {

namespace {

using Json = nlohmann::json;

}  // namespace

std::string TextOf(const Json& node, const char* name) {
  const auto found = node.find(name);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& ListOf(const Json& node, const char* name) {
  static const Json kEmpty = Json::array();
  const auto found = node.find(name);
  return found != node.end() && found->is_array() ? *found : kEmpty;
}

const Json& NodeOf(const Json& node, const char* name) {
  static const Json kNull;
  const auto found = node.find(name);
  return found != node.end() ? *found : kNull;
}

}  // namespace tarn::engine
