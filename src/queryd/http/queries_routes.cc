#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/redact.h"
#include "base/time.h"
#include "queryd/http/routes.h"

namespace tarn::queryd {

namespace asio = boost::asio;
using http::Request;
using http::Response;

namespace {

double Milliseconds(Duration duration) {
  // Rounds to microseconds, because further digits are noise.
  return static_cast<double>(
             std::chrono::duration_cast<std::chrono::microseconds>(duration).count()) /
         1000;
}

nlohmann::ordered_json ToJson(const QueryInfo& info) {
  const auto micros = std::chrono::time_point_cast<std::chrono::microseconds>(info.submitted_at);
  nlohmann::ordered_json json = {{"id", info.id},
                                 {"state", NameOf(info.state)},
                                 {"sql", info.sql},
                                 {"format", Describe(info.format).name},
                                 {"submitted_at", FormatRfc3339(micros)},
                                 {"queued_ms", Milliseconds(info.queued)},
                                 {"run_ms", Milliseconds(info.run)},
                                 {"progress_percent", nullptr},
                                 {"rows", info.rows},
                                 {"bytes", info.bytes}};
  if (!info.user.empty()) json["user"] = info.user;
  if (info.percent) json["progress_percent"] = *info.percent;
  if (info.cached) json["cached"] = true;
  if (info.truncated) json["truncated"] = true;
  if (!info.error.empty()) json["error"] = info.error;
  return json;
}

// A query can contain a secret of its user, so known secrets are redacted.
std::string ToText(const nlohmann::ordered_json& json) {
  return ProcessRedactor().Redact(
      json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

std::string RenderList(const QueryService& service, const auth::Identity& asker, size_t limit) {
  // Limited, because control characters take six times the bytes in JSON.
  constexpr size_t kListBytesMax = 2'000'000;
  std::string list = R"({"queries":[)";
  // One more entry shows whether the list is complete.
  const std::vector<QueryInfo> queries = service.registry().List(asker, limit + 1);
  bool is_truncated = queries.size() > limit;
  for (size_t i = 0; i < std::min(queries.size(), limit); ++i) {
    const std::string text = ToText(ToJson(queries[i]));
    if (list.size() + text.size() > kListBytesMax) {
      is_truncated = true;
      break;
    }
    if (list.back() != '[') list += ',';
    list += text;
  }
  list += is_truncated ? R"(],"truncated":true})" : "]}";
  return list;
}

asio::awaitable<Result<Response>> ListQueries(QueryService& service, net::FairWorkers& workers,
                                              const Request& request) {
  constexpr uint64_t kLimit = 1000;
  constexpr uint64_t kLimitMax = 10'000;
  const Result<uint64_t> limit = request.Count("limit", kLimit);
  if (!limit.ok()) co_return limit.error();
  const auto render = [&] {
    return RenderList(service, *request.identity, std::min(*limit, kLimitMax));
  };
  std::string list = co_await workers.Run(request.identity->name, render);
  co_return Response::Json(200, std::move(list));
}

QueryRegistry::Name NameIn(const Request& request) {
  return {.id = request.path_arguments[0], .user = request.Parameter("user")};
}

asio::awaitable<Result<Response>> GetQuery(QueryService& service, const Request& request) {
  const Result<QueryInfo> info = service.registry().Find(NameIn(request), *request.identity);
  if (!info.ok()) co_return info.error();
  co_return Response::Json(200, ToText(ToJson(*info)));
}

asio::awaitable<Result<Response>> CancelQuery(QueryService& service, const Request& request) {
  const QueryRegistry::Name name = NameIn(request);
  const Result<> cancelled = service.registry().Cancel(
      name, {ErrorKind::kConflict, "cancelled by DELETE /queries/" + name.id}, *request.identity);
  if (!cancelled.ok()) co_return cancelled.error();
  co_return Response::NoContent();
}

}  // namespace

std::vector<http::Route> QueriesRoutes(QueryService& service, net::FairWorkers& workers) {
  const auto route = [](std::string method, std::string path, http::Handler handler) {
    return http::Route{.method = std::move(method),
                       .path = std::move(path),
                       .handler = std::move(handler),
                       .roles = {auth::Role::kQuery, auth::Role::kAdmin}};
  };
  return {route("GET", "/queries",
                [&service, &workers](const Request& request) {
                  return ListQueries(service, workers, request);
                }),
          route("GET", "/queries/{id}",
                [&service](const Request& request) { return GetQuery(service, request); }),
          route("DELETE", "/queries/{id}",
                [&service](const Request& request) { return CancelQuery(service, request); })};
}

}  // namespace tarn::queryd
