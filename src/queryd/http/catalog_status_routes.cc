#include <algorithm>
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

Json ToJson(const std::pair<std::string, std::string>& note) {
  return {{"name", note.first}, {"note", note.second}};
}

Json ToJson(const std::vector<protocol::Column>& columns) {
  Json json = Json::array();
  for (const protocol::Column& column : columns) {
    json.push_back({{"name", column.name}, {"type", column.type}});
  }
  return json;
}

// Adds a list and the number of all of its entries.
template <class Entry>
void AddList(const std::string& name, const StatusList<Entry>& list, Json& json) {
  Json entries = Json::array();
  for (const Entry& entry : list.entries) entries.push_back(ToJson(entry));
  json[name] = std::move(entries);
  json[name + "_count"] = list.count;
  if (list.count > list.entries.size()) json["truncated"] = true;
}

// A token that is limited to datasets gets neither the other datasets nor their number.
std::string RenderStatus(const Registrar& registrar, const auth::DatasetScope& scope,
                         const std::optional<std::string>& dataset, size_t limit) {
  const CatalogStatus status =
      registrar.Status({.is_wanted =
                            [&](const std::string& name) {
                              return scope.Allows(name) && (!dataset || *dataset == name);
                            },
                        .entries_max = limit});
  Json json = {{"revision", status.revision > 0 ? Json(status.revision) : Json(nullptr)},
               {"follows_changes", status.follows},
               {"read_at", status.read_at ? Json(FormatRfc3339(*status.read_at)) : Json(nullptr)}};
  if (scope.is_all()) {
    json["datasets"] = status.datasets;
    json["error"] = status.error.empty() ? Json(nullptr) : Json(status.error);
  }
  AddList("failed", status.failed, json);
  AddList("being_read", status.being_read, json);
  AddList("notes", status.notes, json);
  return ProcessRedactor().Redact(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

asio::awaitable<Response> GetStatus(const Registrar& registrar, FairWorkers& workers,
                                    const Request& request) {
  constexpr uint64_t kLimit = 1000;
  constexpr uint64_t kLimitMax = 10'000;
  const Result<uint64_t> limit = request.Count("limit", kLimit);
  if (!limit.ok()) co_return http::RenderError(limit.error(), request);
  const std::optional<std::string> dataset = request.Parameter("dataset");
  const auto render = [&] {
    return RenderStatus(registrar, request.identity->datasets, dataset,
                        std::min(*limit, kLimitMax));
  };
  std::string status = co_await workers.Run(request.identity->name, render);
  co_return Response::Json(200, std::move(status));
}

template <class T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string RenderDatasets(const Registrar& registrar, const auth::DatasetScope& scope,
                           bool with_columns) {
  std::string list = R"({"datasets":[)";
  for (const auto& [name, dataset] : registrar.Live()) {
    if (!scope.Allows(name)) continue;
    Json json = {{"name", name},
                 {"row_count", OrNull(dataset->rows)},
                 {"objects", dataset->objects},
                 {"bytes", OrNull(dataset->bytes)}};
    if (with_columns) json["columns"] = ToJson(dataset->Columns());
    if (list.back() != '[') list += ',';
    list += json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return list + "]}";
}

asio::awaitable<Response> GetDatasets(const Registrar& registrar, FairWorkers& workers,
                                      const Request& request) {
  const Result<bool> with_columns = request.Flag("columns");
  if (!with_columns.ok()) co_return http::RenderError(with_columns.error(), request);
  const auto render = [&] {
    return RenderDatasets(registrar, request.identity->datasets, *with_columns);
  };
  std::string list = co_await workers.Run(request.identity->name, render);
  co_return Response::Json(200, std::move(list));
}

}  // namespace

std::vector<http::Route> CatalogStatusRoutes(const Registrar& registrar, FairWorkers& workers) {
  std::vector<http::Route> routes;
  routes.push_back(
      {.method = "GET",
       .path = "/catalog/status",
       .handler = [&registrar, &workers](
                      const Request& request) { return GetStatus(registrar, workers, request); },
       .roles = {auth::Role::kQuery, auth::Role::kAdmin}});
  routes.push_back(
      {.method = "GET",
       .path = "/catalog/datasets",
       .handler = [&registrar, &workers](
                      const Request& request) { return GetDatasets(registrar, workers, request); },
       .roles = {auth::Role::kQuery, auth::Role::kAdmin}});
  return routes;
}

}  // namespace tarn::queryd
