#include <nlohmann/json.hpp>
#include <optional>

#include "base/redact.h"
#include "base/time.h"
#include "queryd/http/routes.h"

namespace tarn::queryd {

namespace asio = boost::asio;
using http::Request;
using http::Response;

namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const DatasetBeingRead& dataset) {
  return {{"name", dataset.name},
          {"since", FormatRfc3339(dataset.since)},
          {"objects", dataset.objects},
          {"objects_read", dataset.objects_read}};
}

Json ToJson(const FailedDataset& failed) {
  return {{"name", failed.name},
          {"error", failed.error},
          {"since", FormatRfc3339(failed.since)},
          {"tries", failed.tries},
          {"former_is_visible", failed.has_former}};
}

Json ToJson(const std::vector<protocol::Column>& columns) {
  Json json = Json::array();
  for (const protocol::Column& column : columns) {
    json.push_back({{"name", column.name}, {"type", column.type}});
  }
  return json;
}

// A token that is limited to datasets is not told of the others, nor how many there are.
asio::awaitable<Response> GetStatus(const Registrar& registrar, const Request& request) {
  const CatalogStatus status = registrar.Status();
  const auth::DatasetScope& scope = request.identity->datasets;
  Json json = {{"revision", status.revision > 0 ? Json(status.revision) : Json(nullptr)},
               {"follows_changes", status.follows},
               {"read_at", status.read_at ? Json(FormatRfc3339(*status.read_at)) : Json(nullptr)}};
  if (scope.is_all()) {
    json["datasets"] = status.datasets;
    json["error"] = status.error.empty() ? Json(nullptr) : Json(status.error);
  }
  Json failed = Json::array();
  for (const FailedDataset& each : status.failed) {
    if (scope.Allows(each.name)) failed.push_back(ToJson(each));
  }
  json["failed"] = std::move(failed);
  Json being_read = Json::array();
  for (const DatasetBeingRead& each : status.being_read) {
    if (scope.Allows(each.name)) being_read.push_back(ToJson(each));
  }
  json["being_read"] = std::move(being_read);
  Json notes = Json::array();
  for (const auto& [name, note] : status.notes) {
    if (scope.Allows(name)) notes.push_back({{"name", name}, {"note", note}});
  }
  json["notes"] = std::move(notes);
  co_return Response::Json(
      200, ProcessRedactor().Redact(json.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

template <class T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

asio::awaitable<Response> GetDatasets(const Registrar& registrar, const Request& request) {
  const Result<bool> with_columns = request.Flag("columns");
  if (!with_columns.ok()) co_return http::RenderError(with_columns.error(), request);
  Json datasets = Json::array();
  for (const auto& [name, dataset] : registrar.Live()) {
    if (!request.identity->datasets.Allows(name)) continue;
    datasets.push_back({{"name", name},
                        {"row_count", OrNull(dataset->rows)},
                        {"objects", dataset->objects},
                        {"bytes", OrNull(dataset->bytes)}});
    if (*with_columns) datasets.back()["columns"] = ToJson(dataset->schema->columns);
  }
  co_return Response::Json(200, Json({{"datasets", std::move(datasets)}})
                                    .dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

std::vector<http::Route> CatalogStatusRoutes(const Registrar& registrar) {
  std::vector<http::Route> routes;
  routes.push_back(
      {.method = "GET",
       .path = "/catalog/status",
       .handler = [&registrar](const Request& request) { return GetStatus(registrar, request); },
       .roles = {auth::Role::kQuery, auth::Role::kAdmin}});
  routes.push_back(
      {.method = "GET",
       .path = "/catalog/datasets",
       .handler = [&registrar](const Request& request) { return GetDatasets(registrar, request); },
       .roles = {auth::Role::kQuery, auth::Role::kAdmin}});
  return routes;
}

}  // namespace tarn::queryd
