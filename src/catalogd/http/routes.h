#pragma once

#include <string_view>
#include <vector>

#include "catalogd/service/service.h"
#include "http/router.h"

namespace tarn::catalogd {

// The content of openapi.json, which describes these routes and those of every daemon.
std::string_view OpenApi();

// The catalogue's HTTP interface (docs/http-api.md). The service outlives the routes.
std::vector<http::Route> CatalogRoutes(Service& service);

}  // namespace tarn::catalogd
