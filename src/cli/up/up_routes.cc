#include "cli/up/up_routes.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "catalogd/http/routes.h"
#include "queryd/http/routes.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kOpenApiPath = "/openapi.json";

// Returns the description of queryd, with the reading routes of the catalogue.
std::string OpenApi(const std::vector<http::Route>& of_catalogue) {
  Json api = Json::parse(queryd::OpenApi());
  const Json catalogue = Json::parse(catalogd::OpenApi());
  for (const http::Route& route : of_catalogue) {
    api["paths"][route.path]["get"] = catalogue.at("paths").at(route.path).at("get");
  }
  for (const auto& [kind, parts] : catalogue.at("components").items()) {
    // Components that both have are equal.
    for (const auto& [name, part] : parts.items()) {
      if (!api["components"][kind].contains(name)) api["components"][kind][name] = part;
    }
  }
  return api.dump();
}

}  // namespace

std::vector<http::Route> UpRoutes(queryd::Service& queries, catalogd::Service& catalogue,
                                  const Metrics& metrics) {
  std::vector<http::Route> reading = catalogd::CatalogRoutes(catalogue);
  std::erase_if(reading, [](const http::Route& route) {
    return route.method != "GET" || route.path == "/catalog/backup";
  });
  std::vector<http::Route> routes = queries.Routes(metrics);
  std::erase_if(routes, [](const http::Route& route) { return route.path == kOpenApiPath; });
  routes.push_back({.method = "GET",
                    .path = kOpenApiPath,
                    .handler = [text = OpenApi(reading)](const http::Request&)
                        -> boost::asio::awaitable<Result<http::Response>> {
                      co_return http::Response::Json(200, text);
                    },
                    .is_public = true});
  for (http::Route& route : reading) routes.push_back(std::move(route));
  return routes;
}

}  // namespace tarn::cli
