#include "catalogd/http/routes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "catalog/manifest_json.h"
#include "catalogd/http/caller.h"
#include "catalogd/http/list_handler.h"
#include "catalogd/service/datasets.h"
#include "http/entity_tags.h"

namespace tarn::catalogd {

namespace asio = boost::asio;
using http::Request;
using http::Response;

namespace {

constexpr uint64_t kHistoryCount = 100;
constexpr uint64_t kHistoryCountMax = 1000;

using Handled = asio::awaitable<Result<Response>>;

Response RenderDataset(int status, DatasetJson dataset) {
  Response response = Response::Json(status, std::move(dataset.json).value_or(""));
  response.headers.emplace_back("ETag", http::Quoted(dataset.tag));
  return response;
}

Response RenderChange(ChangedDataset changed) {
  const bool is_new = changed.outcome == Store::PutOutcome::kCreated;
  return RenderDataset(is_new ? 201 : 200, std::move(changed.dataset));
}

std::string Describe(const catalog::Manifest* current) {
  if (current == nullptr) return "there is no such dataset";
  return fmt::format("the current version is {}, ETag \"{}\"", current->version, TagOf(*current));
}

// Returns the condition in If-Match and If-None-Match (RFC 9110, 13.1) for a change.
Result<Store::Condition> ConditionOf(const Request& request) {
  TARN_TRY(std::optional<http::EntityTags> if_match, http::EntityTags::Of(request, "If-Match"));
  TARN_TRY(std::optional<http::EntityTags> if_none_match,
           http::EntityTags::Of(request, "If-None-Match"));
  return [if_match = std::move(if_match),
          if_none_match = std::move(if_none_match)](const catalog::Manifest* current) -> Result<> {
    if (if_match && (current == nullptr || !if_match->HasStrong(TagOf(*current)))) {
      return Error{ErrorKind::kPrecondition, "If-Match failed: " + Describe(current)};
    }
    if (if_none_match && current != nullptr && if_none_match->Has(TagOf(*current))) {
      return Error{ErrorKind::kPrecondition, "If-None-Match failed: " + Describe(current)};
    }
    return {};
  };
}

Result<PutRequest> ParsePut(const Request& request) {
  PutRequest put{.body = request.body};
  TARN_TRY(put.condition, ConditionOf(request));
  TARN_TRY(put.allow_schema_change, request.Flag("allow_schema_change"));
  TARN_TRY(put.touch, request.Flag("touch"));
  return put;
}

Result<HistoryRequest> ParseHistory(const Request& request) {
  HistoryRequest history;
  TARN_TRY(history.before, request.Count("before", INT64_MAX));
  TARN_TRY(const uint64_t limit, request.Count("limit", kHistoryCount));
  history.count = std::min(limit, kHistoryCountMax);
  return history;
}

// The rights of the request's token to change datasets and objects; null means unlimited.
Handled GetRights(Service& /*service*/, const Request& request) {
  const auto list = [](const std::optional<std::vector<std::string>>& texts) {
    if (!texts) return std::string("null");
    std::string json;
    for (const std::string& text : *texts) {
      json += (json.empty() ? "" : ",") + catalog::JsonText(text);
    }
    return "[" + json + "]";
  };
  const auth::Identity& identity = *request.identity;
  co_return Response::Json(
      200, fmt::format(R"({{"datasets":{},"prefixes":{}}})", list(identity.datasets.patterns()),
                       list(identity.Keys().prefixes())));
}

Handled Get(Service& service, const Request& request) {
  const auto known = http::EntityTags::Of(request, "If-None-Match");
  if (!known.ok()) co_return known.error();
  std::function<bool(const std::string& tag)> is_known;
  if (*known) is_known = [&known](const std::string& tag) { return (*known)->Has(tag); };
  const Caller caller = CallerOf(request);
  Result<DatasetJson> dataset =
      co_await GetDataset(service, caller, request.path_arguments[0], is_known);
  if (!dataset.ok()) co_return dataset.error();
  const bool is_sent = dataset->json.has_value();
  Response response = RenderDataset(is_sent ? 200 : 304, std::move(*dataset));
  if (!is_sent) response.content_type = "";
  co_return response;
}

Handled Put(Service& service, const Request& request) {
  const Result<PutRequest> put = ParsePut(request);
  if (!put.ok()) co_return put.error();
  const Caller caller = CallerOf(request);
  Result<ChangedDataset> changed =
      co_await PutDataset(service, caller, request.path_arguments[0], *put);
  if (!changed.ok()) co_return changed.error();
  co_return RenderChange(std::move(*changed));
}

Handled Delete(Service& service, const Request& request) {
  const Result<Store::Condition> condition = ConditionOf(request);
  if (!condition.ok()) co_return condition.error();
  const Caller caller = CallerOf(request);
  const Result<> removed =
      co_await DeleteDataset(service, caller, request.path_arguments[0], *condition);
  if (!removed.ok()) co_return removed.error();
  co_return Response::NoContent();
}

Handled GetHistory(Service& service, const Request& request) {
  const Result<HistoryRequest> history = ParseHistory(request);
  if (!history.ok()) co_return history.error();
  const Caller caller = CallerOf(request);
  Result<std::string> json =
      co_await ReadHistory(service, caller, request.path_arguments[0], *history);
  if (!json.ok()) co_return json.error();
  co_return Response::Json(200, std::move(*json));
}

Handled Restore(Service& service, const Request& request) {
  const Result<Store::Condition> condition = ConditionOf(request);
  if (!condition.ok()) co_return condition.error();
  const Result<catalog::RestoreRequest> version = catalog::ParseRestoreRequest(request.body);
  if (!version.ok()) co_return version.error();
  const Caller caller = CallerOf(request);
  Result<ChangedDataset> changed =
      co_await RestoreDataset(service, caller, request.path_arguments[0], *version, *condition);
  if (!changed.ok()) co_return changed.error();
  co_return RenderChange(std::move(*changed));
}

// Logs and counts internal errors, limits and missing rights, for all handlers.
void NoteFailure(Service& service, const Error& error, const Request& request) {
  if (error.kind == ErrorKind::kInternal) {
    service.failures.Increment();
    log::Error("catalogue request failed", {{"query_id", request.id}, {"error", error.message}});
  }
  if (error.kind == ErrorKind::kTooLarge && request.method != "GET") {
    service.too_large.Increment();
    log::WriteForClient(
        request.identity->name, log::Level::kInfo, "change refused: over a limit",
        {{"query_id", request.id}, {"user", request.identity->name}, {"error", error.message}});
  }
  if (error.kind == ErrorKind::kForbidden) {
    service.forbidden.Increment();
    log::WriteForClient(
        request.identity->name, log::Level::kInfo, "change refused: the token lacks the right",
        {{"query_id", request.id}, {"user", request.identity->name}, {"error", error.message}});
  }
}

using Handle = Handled (*)(Service& service, const Request& request);

http::Route RouteOf(Service& service, std::string method, std::string path, Handle handle) {
  return {.method = std::move(method),
          .path = std::move(path),
          .handler = [&service, handle](const Request& request) -> Handled {
            Result<Response> response = co_await handle(service, request);
            if (!response.ok()) NoteFailure(service, response.error(), request);
            co_return response;
          },
          .roles = {auth::Role::kCatalog}};
}

}  // namespace

std::vector<http::Route> CatalogRoutes(Service& service) {
  const auto route = [&service](std::string method, std::string path, Handle handle) {
    return RouteOf(service, std::move(method), std::move(path), handle);
  };
  const std::string dataset = "/catalog/datasets/{name}";
  http::Route put = route("PUT", dataset, Put);
  put.body_bytes_max = service.settings.body_bytes_max;
  put.too_large_message = "manifest too large (catalogd.body_bytes_max)";
  std::vector<http::Route> routes = {route("GET", "/catalog/list", HandleList),
                                     route("GET", "/catalog/rights", GetRights),
                                     route("GET", dataset, Get),
                                     std::move(put),
                                     route("DELETE", dataset, Delete),
                                     route("GET", dataset + "/history", GetHistory),
                                     route("POST", dataset + "/restore", Restore)};
  if (service.store.is_on_disk()) {
    http::Route backup = route("GET", "/catalog/backup", HandleBackup);
    backup.roles = {auth::Role::kAdmin};
    routes.push_back(std::move(backup));
  }
  return routes;
}

}  // namespace tarn::catalogd
