#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/redact.h"
#include "base/time.h"
#include "queryd/http/dataset_list.h"
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

// Limited, because errors can be long.
constexpr size_t kStatusListBytesMax = 2'000'000;

std::string DumpStatus(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Adds a list and the number of all of its entries.
template <class Entry>
void AddList(const std::string& name, const StatusList<Entry>& list, Json& json) {
  Json entries = Json::array();
  size_t bytes = 0;
  for (const Entry& entry : list.entries) {
    Json each = ToJson(entry);
    bytes += DumpStatus(each).size();
    if (bytes > kStatusListBytesMax) break;
    entries.push_back(std::move(each));
  }
  if (list.count > entries.size()) json["truncated"] = true;
  json[name] = std::move(entries);
  json[name + "_count"] = list.count;
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
  return ProcessRedactor().Redact(DumpStatus(json));
}

asio::awaitable<Result<Response>> GetStatus(const Registrar& registrar, net::FairWorkers& workers,
                                            const Request& request) {
  constexpr uint64_t kLimit = 1000;
  constexpr uint64_t kLimitMax = 10'000;
  const Result<uint64_t> limit = request.Count("limit", kLimit);
  if (!limit.ok()) co_return limit.error();
  const std::optional<std::string> dataset = request.Parameter("dataset");
  const auto render = [&] {
    return RenderStatus(registrar, request.identity->datasets, dataset,
                        std::min(*limit, kLimitMax));
  };
  std::string status = co_await workers.Run(request.identity->name, render);
  co_return Response::Json(200, std::move(status));
}

// A list of datasets that is longer than one piece.
class DatasetListStream : public http::BodyStream {
 public:
  DatasetListStream(net::FairWorkers& workers, std::string owner, DatasetList list,
                    std::string first)
      : workers_(workers),
        owner_(std::move(owner)),
        list_(std::move(list)),
        first_(std::move(first)) {}

  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    if (first_) {
      std::optional<std::string> first = std::exchange(first_, std::nullopt);
      co_return first;
    }
    const auto next = [this] { return list_.Next(); };
    co_return co_await workers_.Run(owner_, next);
  }

 private:
  net::FairWorkers& workers_;
  const std::string owner_;
  DatasetList list_;
  std::optional<std::string> first_;
};

asio::awaitable<Result<Response>> GetDatasets(const Registrar& registrar, net::FairWorkers& workers,
                                              const Request& request) {
  const Result<bool> has_columns = request.Flag("columns");
  if (!has_columns.ok()) co_return has_columns.error();
  const auth::Identity& identity = *request.identity;
  DatasetList list(registrar, identity.datasets, *has_columns);
  const auto next = [&list] { return list.Next(); };
  Result<std::optional<std::string>> first = co_await workers.Run(identity.name, next);
  if (!first.ok()) co_return first.error();
  std::string piece = std::move(*first).value_or("");
  if (list.IsAtEnd()) co_return Response::Json(200, std::move(piece));
  Response response = Response::Json(200, "");
  response.body = std::make_unique<DatasetListStream>(workers, identity.name, std::move(list),
                                                      std::move(piece));
  co_return response;
}

}  // namespace

std::vector<http::Route> CatalogStatusRoutes(const Registrar& registrar,
                                             net::FairWorkers& workers) {
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
