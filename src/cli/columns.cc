#include "cli/columns.h"

#include <nlohmann/json.hpp>

#include "catalog/manifest.h"
#include "cli/commands/remote.h"
#include "duck/quote.h"

namespace tarn::cli {

namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::vector<Column> ColumnsOf(const Json& manifest) {
  std::vector<Column> columns;
  for (const Json& column : manifest.value("schema", Json::array())) {
    columns.push_back({column.value("name", ""), column.value("type", "")});
  }
  return columns;
}

Json SchemaOf(const std::vector<Column>& columns) {
  Json schema = Json::array();
  for (const Column& column : columns) {
    schema.push_back({{"name", column.name}, {"type", column.type}});
  }
  return schema;
}

bool CanBeRegistered(const std::vector<Column>& columns) {
  std::vector<catalog::Column> schema;
  for (const Column& column : columns) schema.push_back({.name = column.name, .type = column.type});
  return catalog::ValidateSchema(schema).ok();
}

Result<std::vector<Column>> AskColumns(const Remote& remote, const std::string& name) {
  const Json body = {{"sql", "DESCRIBE " + duck::QuoteIdentifier(name)}};
  TARN_TRY(const Json answer,
           remote.QueryJson({.method = "POST", .path = "/sql", .body = body.dump()}));
  std::vector<Column> columns;
  for (const Json& row : answer.value("rows", Json::array())) {
    columns.push_back({row.at(0).get<std::string>(), row.at(1).get<std::string>()});
  }
  return columns;
}

}  // namespace tarn::cli
