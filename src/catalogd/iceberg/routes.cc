#include "catalogd/iceberg/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"
#include "catalog/manifest_json.h"
#include "catalogd/http/caller.h"
#include "catalogd/iceberg/error_document.h"

namespace tarn::catalogd {

namespace asio = boost::asio;
using http::Request;
using http::Response;
using nlohmann::ordered_json;

namespace {

constexpr uint64_t kPageMax = 1000;
constexpr const char* kNamespaces = "/iceberg/v1/namespaces";

using Answer = asio::awaitable<Response>;
using Answerer = Answer (*)(IcebergCatalog& catalog, const Request& request);

bool IsNamespace(const IcebergCatalog& catalog, const Request& request) {
  return request.path_arguments[0] == catalog.options().settings.name_space;
}

Response NoSuchNamespace(const Request& request) {
  return RenderIcebergError(404, "NoSuchNamespaceException",
                            fmt::format("no such namespace: \"{}\"", request.path_arguments[0]));
}

Answer GetConfig(IcebergCatalog& /*catalog*/, const Request& /*request*/) {
  const ordered_json endpoints = {"GET /v1/{prefix}/namespaces",
                                  "GET /v1/{prefix}/namespaces/{namespace}",
                                  "HEAD /v1/{prefix}/namespaces/{namespace}",
                                  "GET /v1/{prefix}/namespaces/{namespace}/tables",
                                  "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
                                  "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}"};
  const ordered_json config = {{"defaults", ordered_json::object()},
                               {"overrides", ordered_json::object()},
                               {"endpoints", endpoints}};
  co_return Response::Json(200, config.dump());
}

Answer ListNamespaces(IcebergCatalog& catalog, const Request& request) {
  const std::string& name = catalog.options().settings.name_space;
  const std::string parent = request.Parameter("parent").value_or("");
  if (!parent.empty() && parent != name) {
    co_return RenderIcebergError(404, "NoSuchNamespaceException",
                                 fmt::format("no such namespace: \"{}\"", parent));
  }
  ordered_json namespaces = ordered_json::array();
  if (parent.empty()) namespaces.push_back({name});
  co_return Response::Json(200, ordered_json{{"namespaces", namespaces}}.dump());
}

Answer GetNamespace(IcebergCatalog& catalog, const Request& request) {
  if (!IsNamespace(catalog, request)) co_return NoSuchNamespace(request);
  if (request.method == "HEAD") co_return Response::NoContent();
  const ordered_json found = {{"namespace", {request.path_arguments[0]}},
                              {"properties", ordered_json::object()}};
  co_return Response::Json(200, found.dump());
}

// The token of a page is its last name, percent-encoded. That of the first page is empty.
Result<std::string> ParsePageToken(const Request& request) {
  const std::string token = request.Parameter("pageToken").value_or("");
  const auto decoded = PercentDecode(token);
  if (decoded && (token.empty() || catalog::ValidateName(*decoded).ok())) return *decoded;
  return InvalidArgument("pageToken: must be the next-page-token of an earlier response");
}

Answer ListTables(IcebergCatalog& catalog, const Request& request) {
  if (!IsNamespace(catalog, request)) co_return NoSuchNamespace(request);
  const Result<std::string> after = ParsePageToken(request);
  if (!after.ok()) co_return RenderTableError(after.error());
  const Result<uint64_t> page_size = request.Count("pageSize", kPageMax);
  if (!page_size.ok()) co_return RenderTableError(page_size.error());
  // Without a token, the client does not know pages.
  const bool has_pages = request.Parameter("pageToken") || request.Parameter("pageSize");
  const size_t count = has_pages ? std::min(*page_size, kPageMax) : SIZE_MAX - 1;
  const Caller caller = CallerOf(request);
  Result<std::vector<std::string>> names = co_await catalog.List(caller, *after, count + 1);
  if (!names.ok()) co_return RenderTableError(names.error());
  const bool has_more = names->size() > count;
  if (has_more) names->resize(count);
  ordered_json identifiers = ordered_json::array();
  for (const std::string& name : *names) {
    identifiers.push_back({{"namespace", {request.path_arguments[0]}}, {"name", name}});
  }
  ordered_json page = {{"identifiers", std::move(identifiers)}};
  if (has_more) page["next-page-token"] = PercentEncode(names->back());
  co_return Response::Json(200, page.dump());
}

// The read-only keys for a client. They are for the whole bucket, so tokens that are limited to
// datasets get none.
std::string VendedKeys(const IcebergOptions& options) {
  const IcebergSettings& settings = options.settings;
  const protocol::ObjectStore& store = options.data.store;
  ordered_json config = {{"s3.access-key-id", settings.vended_access_key_id},
                         {"s3.secret-access-key", settings.vended_secret_access_key},
                         {"s3.region", store.region},
                         {"client.region", store.region},
                         {"s3.path-style-access", store.use_path_style ? "true" : "false"}};
  if (!options.endpoint.empty()) config["s3.endpoint"] = options.endpoint;
  if (!settings.vended_session_token.empty()) {
    config["s3.session-token"] = settings.vended_session_token;
  }
  // DuckDB limits a single entry to the location of the table, without the Parquet objects.
  const ordered_json credentials = {
      {{"prefix", options.bucket_uri}, {"config", config}},
      {{"prefix", options.bucket_uri + settings.metadata_prefix}, {"config", config}}};
  return fmt::format(R"("config":{},"storage-credentials":{})", config.dump(), credentials.dump());
}

Answer GetTable(IcebergCatalog& catalog, const Request& request) {
  const Caller caller = CallerOf(request);
  const std::string& name = request.path_arguments[1];
  // NoSuchNamespaceException would be an internal error in some clients.
  if (!IsNamespace(catalog, request)) co_return RenderTableError(NoSuchDatasetError(name));
  if (request.method == "HEAD") {
    const Result<> found = co_await catalog.Require(caller, name);
    if (!found.ok()) co_return RenderTableError(found.error());
    co_return Response::NoContent();
  }
  const Result<IcebergCatalog::TablePtr> loaded = co_await catalog.Load(caller, name);
  if (!loaded.ok()) co_return RenderTableError(loaded.error());
  const IcebergTable& table = **loaded;
  if (const Result<> reserved = caller.reserve(table.metadata.size()); !reserved.ok()) {
    co_return RenderTableError(reserved.error());
  }
  const bool vends = catalog.options().VendsCredentials() && caller.identity.datasets.is_all();
  Response response = Response::Json(
      200, fmt::format(R"({{"metadata-location":{},"metadata":{},{}}})",
                       catalog::JsonText(table.metadata_location), table.metadata,
                       vends ? VendedKeys(catalog.options()) : std::string(R"("config":{})")));
  response.headers.emplace_back("Cache-Control", "no-store");
  co_return response;
}

http::Route IcebergRoute(IcebergCatalog* catalog, const std::string& off_reason, std::string path,
                         Answerer answer) {
  return {.method = "GET",
          .path = std::move(path),
          .handler = [catalog, off_reason,
                      answer](const Request& request) -> asio::awaitable<Result<Response>> {
            if (catalog == nullptr) {
              co_return RenderIcebergError(404, "UnsupportedOperationException",
                                           "the Iceberg catalog is off: " + off_reason);
            }
            Response response = co_await answer(*catalog, request);
            co_return response;
          },
          .roles = {auth::Role::kCatalog}};
}

}  // namespace

std::vector<http::Route> IcebergRoutes(IcebergCatalog* catalog, const std::string& off_reason) {
  const auto route = [&](std::string path, Answerer answer) {
    return IcebergRoute(catalog, off_reason, std::move(path), answer);
  };
  const std::string one = std::string(kNamespaces) + "/{namespace}";
  std::vector<http::Route> routes;
  routes.push_back(route("/iceberg/v1/config", GetConfig));
  routes.push_back(route(kNamespaces, ListNamespaces));
  routes.push_back(route(one, GetNamespace));
  routes.push_back(route(one + "/tables", ListTables));
  routes.push_back(route(one + "/tables/{table}", GetTable));
  return routes;
}

}  // namespace tarn::catalogd
