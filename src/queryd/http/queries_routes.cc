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
  // To a microsecond, so that no digits show that nobody measured.
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

asio::awaitable<Response> ListQueries(QueryService& service, const Request& request) {
  // Texts of control characters are six times as long in JSON.
  constexpr size_t kListBytesMax = 2'000'000;
  std::string list = R"({"queries":[)";
  bool is_truncated = false;
  for (const QueryInfo& info : service.registry().List(*request.identity)) {
    const std::string text = ToText(ToJson(info));
    is_truncated = list.size() + text.size() > kListBytesMax;
    if (is_truncated) break;
    if (list.back() != '[') list += ',';
    list += text;
  }
  list += is_truncated ? R"(],"truncated":true})" : "]}";
  co_return Response::Json(200, std::move(list));
}

QueryRegistry::Name NameIn(const Request& request) {
  return {.id = request.path_arguments[0], .user = request.Parameter("user")};
}

asio::awaitable<Response> GetQuery(QueryService& service, const Request& request) {
  const Result<QueryInfo> info = service.registry().Find(NameIn(request), *request.identity);
  if (!info.ok()) co_return http::RenderError(info.error(), request);
  co_return Response::Json(200, ToText(ToJson(*info)));
}

asio::awaitable<Response> CancelQuery(QueryService& service, const Request& request) {
  const QueryRegistry::Name name = NameIn(request);
  const Result<> cancelled = service.registry().Cancel(
      name, {ErrorKind::kConflict, "cancelled by DELETE /queries/" + name.id}, *request.identity);
  if (!cancelled.ok()) co_return http::RenderError(cancelled.error(), request);
  co_return Response::NoContent();
}

}  // namespace

std::vector<http::Route> QueriesRoutes(QueryService& service) {
  using Handle = asio::awaitable<Response> (*)(QueryService&, const Request&);
  const auto route = [&service](std::string method, std::string path, Handle handle) {
    return http::Route{
        .method = std::move(method),
        .path = std::move(path),
        .handler = [&service, handle](const Request& request) { return handle(service, request); },
        .roles = {auth::Role::kQuery, auth::Role::kAdmin}};
  };
  return {route("GET", "/queries", &ListQueries), route("GET", "/queries/{id}", &GetQuery),
          route("DELETE", "/queries/{id}", &CancelQuery)};
}

}  // namespace tarn::queryd
